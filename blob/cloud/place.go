package cloud

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"

	"cloud.google.com/go/storage"
	gocloud "gocloud.dev/blob"
	"gocloud.dev/blob/gcsblob"
	"gocloud.dev/blob/s3blob"
	"gocloud.dev/gcp"
	"google.golang.org/api/option"

	"tourney"
)

// The schemes of URLs.
const (
	schemeS3  = "s3"
	schemeGCS = "gs"
)

// parameters are what a URL may say beside the bucket, by scheme.
var parameters = map[string][]string{
	schemeS3: {
		"region", "endpoint", "s3ForcePathStyle", "use_path_style", "profile", "role", "anonymous", "ssetype", "kmskeyid",
		"accelerate", "dualstack", "fips", "request_checksum_calculation", "response_checksum_validation",
	},
	schemeGCS: {"endpoint", "anonymous"},
}

// location is a bucket that a URL names.
type location struct {
	scheme, bucket, prefix string
	query                  url.Values
}

// String is the URL without its parameters.
func (l location) String() string {
	return strings.TrimSuffix(l.scheme+"://"+l.bucket+"/"+l.prefix, "/")
}

// IsURL reports whether a text is the URL of a bucket, as Open takes it.
func IsURL(s string) bool {
	return strings.HasPrefix(s, schemeS3+"://") || strings.HasPrefix(s, schemeGCS+"://")
}

// parse takes a URL apart. Its errors do not repeat it: it may hold a secret
// that is in the wrong place.
func parse(text string) (location, error) {
	u, err := url.Parse(text)
	if err != nil {
		return location{}, tourney.Invalid("url", "it is no URL; s3://bucket/prefix or gs://bucket/prefix is needed")
	}
	known, ok := parameters[u.Scheme]
	switch {
	case !ok:
		return location{}, tourney.Invalid("url", "its scheme is %q; s3:// or gs:// is needed", u.Scheme)
	case u.User != nil:
		return location{}, tourney.Invalid("url", "it holds credentials; set them in the environment or in the tools' own files")
	case u.Host == "" || u.Port() != "":
		return location{}, tourney.Invalid("url", "it names no bucket; %s://bucket/prefix is needed", u.Scheme)
	case u.Fragment != "":
		return location{}, tourney.Invalid("url", "it has a fragment (#…), which means nothing here")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return location{}, tourney.Invalid("url", "its parameters cannot be read")
	}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		if !slices.Contains(known, name) {
			return location{}, tourney.Invalid("url", "it has the unknown parameter %q%s", name, tourney.DidYouMean(name, known))
		}
	}
	prefix := strings.Trim(u.Path, "/")
	for part := range strings.SplitSeq(prefix, "/") {
		if prefix != "" && (part == "" || part == "." || part == "..") {
			return location{}, tourney.Invalid("url", "its prefix %q has an empty part, or . or ..", prefix)
		}
	}
	if endpoint := query.Get("endpoint"); endpoint != "" {
		if e, err := url.Parse(endpoint); err != nil || e.Host == "" || e.Scheme != "http" && e.Scheme != "https" {
			return location{}, tourney.Invalid("url", "its endpoint must be like https://host:9000")
		}
	}
	return location{scheme: u.Scheme, bucket: u.Host, prefix: prefix, query: query}, nil
}

// open makes a client of the bucket. It asks nothing of the service yet.
func (l location) open(ctx context.Context) (*gocloud.Bucket, error) {
	open := l.openS3
	if l.scheme == schemeGCS {
		open = l.openGCS
	}
	bucket, err := open(ctx)
	if err != nil || l.prefix == "" {
		return bucket, err
	}
	return gocloud.PrefixedBucket(bucket, l.prefix+"/"), nil
}

func (l location) openS3(ctx context.Context) (*gocloud.Bucket, error) {
	query := maps.Clone(l.query)
	if query.Get("response_checksum_validation") == "" {
		query.Set("response_checksum_validation", "when_required") // the reader has a better one
	}
	if query.Get("endpoint") != "" {
		// What other makers' services need: a region to sign for, which means
		// nothing to them, and none of the newer checksums.
		if query.Get("region") == "" && os.Getenv("AWS_REGION") == "" && os.Getenv("AWS_DEFAULT_REGION") == "" {
			query.Set("region", "us-east-1")
		}
		if query.Get("request_checksum_calculation") == "" {
			query.Set("request_checksum_calculation", "when_required")
		}
	}
	u := &url.URL{Scheme: schemeS3, Host: l.bucket, RawQuery: query.Encode()}
	return new(s3blob.URLOpener).OpenBucketURL(ctx, u)
}

func (l location) openGCS(ctx context.Context) (*gocloud.Bucket, error) {
	client := gcp.NewAnonymousHTTPClient(http.DefaultTransport)
	switch l.query.Get("anonymous") {
	case "true":
	case "", "false":
		creds, err := gcp.DefaultCredentials(ctx)
		if err != nil {
			return nil, fmt.Errorf("%w: no credentials are found: %w", tourney.ErrRefused, err)
		}
		if client, err = gcp.NewHTTPClient(http.DefaultTransport, gcp.CredentialsTokenSource(creds)); err != nil {
			return nil, err
		}
	default:
		return nil, tourney.Invalid("url", "anonymous is true or false")
	}
	opts := &gcsblob.Options{ClientOptions: []option.ClientOption{storage.WithJSONReads()}}
	if endpoint := l.query.Get("endpoint"); endpoint != "" {
		opts.ClientOptions = append(opts.ClientOptions, option.WithEndpoint(strings.TrimRight(endpoint, "/")+"/storage/v1/"))
	}
	bucket, err := gcsblob.OpenBucket(ctx, client, l.bucket, opts)
	if err != nil {
		return nil, err
	}
	var service *storage.Client
	if !bucket.As(&service) {
		return nil, errors.Join(errors.New("no client of Cloud Storage"), bucket.Close())
	}
	// Everything may be tried again, because an object's name says what is in
	// it; but not for ever, which is what the library does by itself.
	service.SetRetry(storage.WithPolicy(storage.RetryAlways), storage.WithMaxAttempts(tries+1))
	return bucket, nil
}
