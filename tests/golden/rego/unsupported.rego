e.host == "a" or e.host == "b"

e.host == "a" || e.host == "b"

e.host == "a" and e.os == "linux"

e.host == "a" && e.os == "linux"

!e.trusted

e.host = "a"

input.events[_].host == "a"

some _ in input.events

some _, e in input.events

known(e) with input as {}

known(e)
else := false

import rego.v1

package opensoc

default allow := false

allow if known(e)

some e

some i, e

e.parent == null

e as f

[first, second] := input.events

x not in xs

"text" contains "t"

not not known(e)

not some e in input.events

for e in input.events

let x := 1

return x

e.name matches "a.*"

x := f"{e.host}"

x := $"{e.host}"

x === y

x <> y

x += 1

-x < 0

x => 3
