//go:build !amd64 && !arm64

package kernels

// There is no assembly for this processor: its one class is plain Go, which
// never comes here.

func (class) lanes() int          { return 4 }
func (class) partial() bool       { return false }
func (class) gemm(*tile, bool)    {}
func (class) gemmRow(*tile)       {}
func (class) lone(*tile)          {}
func (class) transpose(*tile)     {}
func (class) add(*tile)           {}
func (class) forwardCSR(*sparse)  {}
func (class) gradientCSR(*sparse) {}
