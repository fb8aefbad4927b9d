package main

import "github.com/gowasix/gowasix/examples/wasixnet"

var (
	listen = wasixnet.Listen
	dial   = wasixnet.DialContext
)
