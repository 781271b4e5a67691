module xcopy.example/tests/vsphere/vcsim

go 1.23.0

toolchain go1.24.9

require (
	github.com/google/uuid v1.6.0
	github.com/vmware/govmomi v0.52.0
)
