#!/bin/sh
# Builds one Go program for Linux: build.sh PACKAGE VERSION ARCHITECTURE OUTPUT
# In a module of its own, because `go install` refuses to place what it built for another architecture.
set -eu
command -v go >/dev/null || {
    echo "Go is needed on the controller to build $1 (or give a finished binary: see minio_binary, minio_url)" >&2
    exit 1
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
go mod init build
go get "$1@$2"
CGO_ENABLED=0 GOOS=linux GOARCH=$3 go build -trimpath -ldflags=-s\ -w -o "$work/out" "$1"
mkdir -p "$(dirname "$4")"
mv "$work/out" "$4"
