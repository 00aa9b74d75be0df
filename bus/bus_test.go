package bus_test

import (
	"testing"

	"tourney/bus"
	"tourney/bus/bustest"
)

// The ends are what the suite asks for.
var (
	_ bustest.Server = (*bus.Server)(nil)
	_ bustest.Client = (*bus.Client)(nil)
)

func TestBusInProcess(t *testing.T) {
	bustest.Run(t, func(t *testing.T) bustest.Bus { return newWorld(t, "").bus() })
}

func TestBusOverTCP(t *testing.T) {
	bustest.Run(t, func(t *testing.T) bustest.Bus { return newWorld(t, "127.0.0.1:0").bus() })
}
