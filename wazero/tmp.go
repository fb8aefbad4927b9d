package wazero

import "os"

func openDir(dir string) (string, error) { return dir, os.MkdirAll(dir, 0o700) }
