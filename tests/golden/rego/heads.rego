known

known()

known(1)

known(e) = true

known(e) if e

known[e]

default known := true

in(x)

net.known(x)

known(x) := a b
