package network

import "github.com/gowasix/gowasix/wasix/abi"

// layer is a Network around another, which does what the layer does not change.
type layer struct{ Network }

// Pair asks the network inside; EOPNOTSUPP when that makes no pairs.
func (l layer) Pair(typ abi.SockType) (Socket, Socket, error) { return pair(l.Network, typ) }

func (l layer) adopt(s Socket) Socket { return Adopt(l.Network, s) }

func (l layer) inside() Network { return l.Network }
