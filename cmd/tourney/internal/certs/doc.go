// Package certs hides the files of TLS: a local authority with a server's
// certificate that it signed (Init), and a certificate of whatever origin that
// is read again when its files change (Open).
package certs
