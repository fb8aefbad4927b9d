module github.com/gowasix/gowasix

go 1.25.0

require golang.org/x/sys v0.44.0

require (
	github.com/tetratelabs/wazero v1.12.0 // indirect
	github.com/wasmerio/wasmer-go v1.0.4 // indirect
)
