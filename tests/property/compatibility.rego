# What other engines lack of OPA, in plain Rego. Appended to the module under test.

# `x / y` and `x % y`: undefined by zero, where an engine stops with an error. The rest
# is what is left of the dividend, whose sign it has.
compat_quotient(x, y) := x / y if y != 0

compat_remainder(x, y) := compat_rest(x, abs(y)) if {
	y != 0
	x >= 0
}

compat_remainder(x, y) := 0 - compat_rest(0 - x, abs(y)) if {
	y != 0
	x < 0
}

compat_rest(x, y) := x - (y * floor(x / y))

# floor, where an engine rounds -0.5 up to 0.
compat_floor(x) := floor(x) if x >= 0

compat_floor(x) := 0 - floor(0 - x) if {
	x < 0
	floor(0 - x) == 0 - x
}

compat_floor(x) := (0 - floor(0 - x)) - 1 if {
	x < 0
	floor(0 - x) != 0 - x
}

# time.parse_rfc3339_ns, where an engine does not read the Z of UTC.
compat_instant(text) := time.parse_rfc3339_ns(text) if not endswith(text, "Z")

compat_instant(text) := time.parse_rfc3339_ns(utc) if {
	endswith(text, "Z")
	utc := concat("", [trim_suffix(text, "Z"), "+00:00"])
}

# time.weekday, where an engine stops the whole process.
compat_weekday(ns) := names[days - (7 * compat_floor(days / 7))] if {
	names := ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"]
	days := compat_floor(ns / 86400000000000)
}

# `some key, value in c` inside a comprehension, as pairs in order.
compat_pairs(c) := pairs if {
	keys := compat_sort([key | some key; value := c[key]])
	pairs := [[key, c[key]] | some key in keys]
}

# min, max and sort, where an engine orders numbers by their digits.
compat_min(values) := least if {
	some least in values
	every other in values {
		least <= other
	}
}

compat_max(values) := greatest if {
	some greatest in values
	every other in values {
		greatest >= other
	}
}

compat_sort(values) := sorted if {
	array := [value | some value in values]
	places := numbers.range(0, count(array) - 1)
	ranks := [compat_rank(array, places, at) | some at in places]
	sorted := [array[at] | some rank in places; some at in places; ranks[at] == rank]
}

# How many elements come before the one at a place; those that are equal keep their order.
compat_rank(array, places, at) := count(before) if {
	before := [other | some other in places; compat_before(array, other, at)]
}

compat_before(array, one, other) if array[one] < array[other]

compat_before(array, one, other) if {
	array[one] == array[other]
	one < other
}

# concat, where an engine takes the elements of a set in any order.
compat_concat(delimiter, parts) := concat(delimiter, parts) if is_array(parts)

compat_concat(delimiter, parts) := concat(delimiter, compat_sort(parts)) if is_set(parts)

# net.cidr_contains: an address, or a network, in a network of the same family. Both of
# version 4 are compared as numbers, for speed.
compat_cidr_contains(network, inner) := contained if {
	not contains(network, ":")
	not contains(inner, ":")
	outside := split(network, "/")
	length := to_number(outside[1])
	size := compat_powers[floor((32 - length) / 8)] * compat_small_powers[(32 - length) % 8]
	left := floor(compat_number(outside[0]) / size)
	inside := split(inner, "/")
	right := floor(compat_number(inside[0]) / size)
	contained := [left, true] == [right, compat_is_as_long(inside, length)]
}

# net.cidr_intersects: of two networks that meet, one contains the other.
compat_cidr_intersects(left, right) := found if {
	ways := [compat_cidr_contains(left, right), compat_cidr_contains(right, left)]
	found := true in ways
}

compat_powers := [1, 256, 65536, 16777216, 4294967296]

compat_small_powers := [1, 2, 4, 8, 16, 32, 64, 128]

compat_is_as_long(parts, _) := true if count(parts) == 1

compat_is_as_long(parts, length) := to_number(parts[1]) >= length if count(parts) == 2

compat_number(address) := number if {
	parts := split(address, ".")
	high := (to_number(parts[0]) * 16777216) + (to_number(parts[1]) * 65536)
	number := high + ((to_number(parts[2]) * 256) + to_number(parts[3]))
}

compat_cidr_contains(network, inner) := count(reasons) == 0 if {
	contains(concat("", [network, inner]), ":")
	outside := compat_network(network)
	inside := compat_network(inner)
	bytes := numbers.range(0, count(outside.bytes) - 1)
	reasons := [at | some at in bytes; not compat_agree(outside, inside, at)]
}

# The first network has as many bytes, no more bits, and all its bits in a byte are equal.
compat_agree(outside, inside, at) if {
	count(outside.bytes) == count(inside.bytes)
	outside.length <= inside.length
	left := outside.length - (8 * at)
	compat_kept(outside.bytes[at], left) == compat_kept(inside.bytes[at], left)
}

# The first `bits` bits of a byte.
compat_kept(byte, bits) := floor(byte / size) if {
	size := [256, 128, 64, 32, 16, 8, 4, 2, 1][compat_min([compat_max([bits, 0]), 8])]
}

# An IPv4 network inside an IPv6 one is that IPv4 network.
compat_network(text) := network if {
	bytes := compat_bytes(text)
	length := compat_length(text, count(bytes) * 8)
	compat_is_mapped(bytes, length)
	network := {"bytes": array.slice(bytes, 12, 16), "length": length - 96}
}

compat_network(text) := network if {
	bytes := compat_bytes(text)
	length := compat_length(text, count(bytes) * 8)
	not compat_is_mapped(bytes, length)
	network := {"bytes": bytes, "length": length}
}

compat_is_mapped(bytes, length) if {
	array.slice(bytes, 0, 12) == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255]
	length >= 96
}

compat_length(text, bits) := bits if not contains(text, "/")

compat_length(text, _) := to_number(split(text, "/")[1]) if contains(text, "/")

compat_bytes(text) := bytes if {
	not contains(text, ":")
	bytes := [to_number(part) | some part in split(split(text, "/")[0], ".")]
}

compat_bytes(text) := bytes if {
	contains(text, ":")
	halves := split(split(text, "/")[0], "::")
	left := compat_groups(halves[0])
	right := compat_groups(concat("", array.slice(halves, 1, 2)))
	zeros := ["0" | some at in numbers.range(1, 8); at <= (8 - count(left)) - count(right)]
	groups := array.concat(left, array.concat(zeros, right))
	bytes := [byte | some group in groups; some byte in compat_hextet(group)]
}

# Groups of hexadecimal digits; an IPv4 address at the end is two of them.
compat_groups(text) := [group | some part in split(text, ":"); some group in compat_group(part)]

compat_group(part) := [] if part == ""

compat_group(part) := [part] if {
	part != ""
	not contains(part, ".")
}

compat_group(part) := groups if {
	contains(part, ".")
	bytes := [to_number(byte) | some byte in split(part, ".")]
	groups := [format_int((256 * bytes[0]) + bytes[1], 16), format_int((256 * bytes[2]) + bytes[3], 16)]
}

compat_hextet(group) := [(16 * digits[0]) + digits[1], (16 * digits[2]) + digits[3]] if {
	filled := concat("", ["000", lower(group)])
	places := numbers.range(count(group) - 1, count(group) + 2)
	digits := [indexof("0123456789abcdef", substring(filled, at, 1)) | some at in places]
}
