// Package cloud hides buckets: it keeps blobs in Amazon S3, in anything that
// speaks its protocol, and in Google Cloud Storage.
//
// Open takes a URL:
//
//	s3://bucket/prefix?region=eu-central-1
//	s3://bucket/prefix?endpoint=http://minio:9000&s3ForcePathStyle=true
//	gs://bucket/prefix
//
// Credentials are found as the makers' own tools find them: for S3 environment
// variables, the shared files and their profiles, web identities, and the role
// of the machine; for Google the application default credentials. They are
// never part of the URL.
//
// Blobs lie under prefix/sha256/ab/abcd…, as blob.Dir lays them out, so that a
// directory can be copied to a bucket and back by any tool. A blob's name is
// known when all of it has been seen: Put keeps it in memory or, beyond 8 MiB,
// in a temporary file, then uploads it, so that an object is there whole or
// not at all. A blob that is there already is not sent again if the bucket
// says that it has the same size and MD5 sum.
//
// A read that breaks off is taken up where it stopped, and one that goes
// through a blob from its first to its last byte is hashed: bytes that are not
// what the name says end in blob.ErrCorrupt, and too few of them in an error,
// never in io.EOF.
package cloud
