# only a comment

e.name == 'cmd.exe'

e.name == "cmd.exe

e.name == `cmd.exe

e.path == "C:\Windows"

e.name == “cmd.exe”

count(e.flags > 1

e.ports[0

e.flags)

e.flags[0) == 1

e.os in {"linux", "macos"

every e in xs
  e.trusted

every e in xs: e.trusted

every e in xs { }

every e { e.trusted }

[e | ] == xs

1 < x < 3

x in xs == true

e.host
  == "a"

e.host ==

x == 1;

x == 007

x == 1e9

x == 123456789012345678901234567890

x.1 == 2

count (xs) > 1

xs [0] == 1

x. y

[x + 1 | some x in xs]

[x, y | z]

x, y in xs

some 1 in xs

some in in xs

not := 1

every in in xs { x }

x.y := 1

x.in == 1

f(1)(2)

xs[0:2]

{"a", "b": 1}

[1 2]

x
-1 < y

x ? y : z

x @ y

a b
