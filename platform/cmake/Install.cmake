# What another project gets: the public headers and one archive `libupswing.a` made of every SDK layer.
