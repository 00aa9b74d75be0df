// Package shard hides how rows lie in the bytes of a shard.
//
// A shard is an Arrow IPC file of one record batch, which other programs read
// as it is. Its bytes are a function of its schema and rows alone, on every
// machine and for good: so they are not compressed, since a compressor's output
// changes with its version, and a shard is named by its hash.
//
//	number    the narrowest of uint8, int16, int32, float32, float64 that holds
//	          each value of this shard exactly
//	boolean   bool
//	date      timestamp[s, UTC], or as a number if it has fractions of seconds
//	category  dictionary<int8, int16 or int32, utf8>; of columns whose levels
//	          take more than maxDictionary bytes the codes alone, int32, which
//	          index the categories of the manifest: to repeat them in each shard
//	          would make it many times larger
//	text      uint64: see table.Hash
//	sparse    list<struct<index: uint32, value: float32>>
//
// A missing value is null. Decode gives float64, int32 codes and so on again,
// whatever the width in the file, and believes nothing that a file says before
// it has checked it.
package shard
