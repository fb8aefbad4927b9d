module github.com/gowasix/gowasix

go 1.25.0

require golang.org/x/sys v0.44.0
