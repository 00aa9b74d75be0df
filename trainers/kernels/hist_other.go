//go:build !amd64

package kernels

func histogramFast([]int64, []uint8, int, int, []int64) bool { return false }

func histogramOfFast([]int64, []uint8, int, int, []int64, []int32) bool { return false }

func partitionFast([]int32, []int32, []uint8, int, int, *[4]uint64) (done, stayed int) { return 0, 0 }

func packFast([]int64, []float32, []float32, float64, float64, uint32, uint32) (done int, total int64) {
	return 0, 0
}

func largestFast([]float32) (done int, abs uint32, positive int32) { return 0, 0, 0 }
