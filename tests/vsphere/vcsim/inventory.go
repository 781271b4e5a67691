package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/session"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// Inventory is what a test asks for. Names are those people see; vCenter's escapes (%2f for a slash) are made here.
type Inventory struct {
	Datacenter string      `json:"datacenter"`
	Folder     string      `json:"folder"` // above the datacenter; empty: it lies at the root
	APIVersion string      `json:"api_version"`
	Hosts      []HostWish  `json:"hosts"`
	Datastores []StoreWish `json:"datastores"`
	VMs        []VMWish    `json:"vms"`
}

type HostWish struct {
	Name      string       `json:"name"`
	UUID      string       `json:"uuid"`
	Addresses []string     `json:"addresses"` // of the management network
	State     string       `json:"state"`     // connected, notResponding, disconnected
	Adapters  []Adapter    `json:"adapters"`
	Devices   []DeviceWish `json:"devices"`
	Scini     string       `json:"scini"` // GUID of the PowerFlex client
}

type Adapter struct {
	Name   string `json:"name"`
	Kind   string `json:"kind"` // iscsi fc fcoe nvme-fc nvme-tcp nvme-rdma sas sata scini
	IQN    string `json:"iqn"`
	WWNN   uint64 `json:"wwnn"`
	WWPN   uint64 `json:"wwpn"`
	Status string `json:"status"`
}

type DeviceWish struct {
	Name  string     `json:"name"` // naa.…
	UUID  string     `json:"uuid"` // what an RDM's lunUuid says
	Size  int64      `json:"size"`
	Paths []PathWish `json:"paths"`
}

type PathWish struct {
	Adapter string `json:"adapter"`
	State   string `json:"state"`
	LUN     int    `json:"lun"`
}

type StoreWish struct {
	Name    string   `json:"name"`
	UUID    string   `json:"uuid"`
	Type    string   `json:"type"` // VMFS NFS vsan VVOL
	Devices []string `json:"devices"`
	Hosts   []string `json:"hosts"` // empty: all
}

type VMWish struct {
	Name   string     `json:"name"`
	Folder string     `json:"folder"` // "team a/web"
	Host   string     `json:"host"`
	Power  string     `json:"power"`
	Disks  []DiskWish `json:"disks"`
}

type DiskWish struct {
	File      string   `json:"file"` // "[ds] folder/disk.vmdk": the topmost of its chain
	Kind      string   `json:"kind"` // flat sesparse rdm-physical rdm-virtual vvol vsan raw
	Size      int64    `json:"size"`
	Parents   []string `json:"parents"` // nearest first
	BackingID string   `json:"backing_id"`
	LunUUID   string   `json:"lun_uuid"`
	Device    string   `json:"device"`    // vml.…
	Allocated int64    `json:"allocated"` // bytes of its extents
	Mode      string   `json:"mode"`      // persistent unless it says independent_persistent
	Thick     bool     `json:"thick"`     // lazily zeroed; else thin
}

// World is the simulator with the inventory in it.
type World struct {
	wish    Inventory
	model   *simulator.Model
	server  *simulator.Server
	admin   *vim25.Client
	names   map[string]types.ManagedObjectReference // "host esx1", "vm web", "datastore ds1", "datacenter"
	folders map[string]*object.Folder
}

func escaped(name string) string {
	return strings.NewReplacer("%", "%25", "/", "%2f", `\`, "%5c").Replace(name)
}

func newWorld(wish Inventory, uploads string) *World {
	model := simulator.VPX()
	model.Cluster, model.ClusterHost, model.Host, model.Pool, model.Portgroup = 1, len(wish.Hosts), 0, 0, 0
	model.Datastore, model.Machine, model.Autostart = max(1, len(wish.Datastores)), len(wish.VMs), false
	if wish.Folder != "" {
		model.Folder = 1
	}
	if wish.APIVersion != "" {
		model.ServiceContent.About.ApiVersion = wish.APIVersion
	}
	check(model.Create())
	w := &World{wish: wish, model: model, names: map[string]types.ManagedObjectReference{}, folders: map[string]*object.Folder{}}
	// Inside, plain HTTP on the loopback address; the front is what the world sees.
	model.Service.Listen = &url.URL{Host: "127.0.0.1:0", User: url.UserPassword("inside", uuid.NewString())}
	w.server = model.Service.NewServer()
	ctx := context.Background()
	w.admin = w.client(ctx)

	registry := model.Map()
	center := registry.Any("Datacenter").(*simulator.Datacenter)
	center.Name = escaped(wish.Datacenter)
	w.names["datacenter"] = center.Self
	if wish.Folder != "" {
		folder := registry.Get(*center.Parent).(*simulator.Folder)
		folder.Name = escaped(wish.Folder)
	}
	stores := registry.All("Datastore")
	for i, want := range wish.Datastores {
		w.makeStore(stores[i].(*simulator.Datastore), want)
		w.keepFiles(stores[i].(*simulator.Datastore), filepath.Join(uploads, want.Name))
	}
	for i, host := range registry.All("HostSystem") {
		w.makeHost(host.(*simulator.HostSystem), wish.Hosts[i])
	}
	w.mount()
	for i, machine := range registry.All("VirtualMachine") {
		w.makeVM(ctx, machine.(*simulator.VirtualMachine), wish.VMs[i])
	}
	return w
}

func (w *World) client(ctx context.Context) *vim25.Client {
	inside := soap.NewClient(w.server.URL, true)
	client, err := vim25.NewClient(ctx, inside)
	check(err)
	check(session.NewManager(client).Login(ctx, w.model.Service.Listen.User))
	return client
}

func (w *World) references() map[string]string {
	all := map[string]string{}
	for name, reference := range w.names {
		all[name] = reference.Value
	}
	return all
}

func (w *World) get(name string) (mo.Reference, error) {
	reference, found := w.names[name]
	if !found {
		return nil, fmt.Errorf("no %s", name)
	}
	return w.model.Map().Get(reference), nil
}

func (w *World) makeStore(store *simulator.Datastore, want StoreWish) {
	store.Name = escaped(want.Name)
	store.Summary.Name = store.Name
	store.Summary.Type = want.Type
	base := types.DatastoreInfo{Name: store.Name, Url: "ds:///vmfs/volumes/" + want.UUID + "/"}
	switch want.Type {
	case "VMFS":
		extents := []types.HostScsiDiskPartition{}
		for _, device := range want.Devices {
			extents = append(extents, types.HostScsiDiskPartition{DiskName: device, Partition: 1})
		}
		volume := &types.HostVmfsVolume{Version: "6.82", MajorVersion: 6, Uuid: want.UUID, Extent: extents}
		volume.Type, volume.Name = "VMFS", store.Name
		store.Info = &types.VmfsDatastoreInfo{DatastoreInfo: base, Vmfs: volume}
	case "VVOL":
		store.Info = &types.VvolDatastoreInfo{DatastoreInfo: base}
	case "vsan":
		store.Info = &types.VsanDatastoreInfo{DatastoreInfo: base}
	default:
		store.Info = &types.NasDatastoreInfo{DatastoreInfo: base}
	}
	w.names["datastore "+want.Name] = store.Self
}

// keepFiles has the simulator's FileManager work where the front puts files.
func (w *World) keepFiles(store *simulator.Datastore, folder string) {
	check(os.MkdirAll(folder, 0o755))
	store.Summary.Url = folder
	store.Summary.FreeSpace, store.Summary.Accessible = 1<<40, true
}

func (w *World) free(name string, bytes int64) error {
	store, err := w.get("datastore " + name)
	if err == nil {
		store.(*simulator.Datastore).Summary.FreeSpace = bytes
	}
	return err
}

func hba(want Adapter) types.BaseHostHostBusAdapter {
	status := want.Status
	if status == "" {
		status = "online"
	}
	driver := map[string]string{"iscsi": "iscsi_vmk", "fc": "lpfc", "scini": "scini", "nvme-fc": "lpfc"}[want.Kind]
	class := map[string]string{"iscsi": "InternetScsiHba", "fc": "FibreChannelHba", "nvme-fc": "FibreChannelHba", "nvme-tcp": "TcpHba"}[want.Kind]
	if class == "" {
		class = "BlockHba"
	}
	base := types.HostHostBusAdapter{Key: "key-vim.host." + class + "-" + want.Name, Device: want.Name, Status: status,
		Model: "simulated " + want.Kind, Driver: driver, Pci: "0000:3b:00.0"}
	fibre := types.HostFibreChannelHba{HostHostBusAdapter: base, PortWorldWideName: int64(want.WWPN), NodeWorldWideName: int64(want.WWNN),
		PortType: "fabric", Speed: 32}
	switch want.Kind {
	case "iscsi":
		return &types.HostInternetScsiHba{HostHostBusAdapter: base, IsSoftwareBased: true, IScsiName: want.IQN}
	case "fc":
		return &fibre
	case "fcoe":
		return &types.HostFibreChannelOverEthernetHba{HostFibreChannelHba: fibre, UnderlyingNic: "vmnic0"}
	case "nvme-fc":
		fibre.StorageProtocol = "nvme"
		return &fibre
	case "nvme-tcp":
		base.StorageProtocol = "nvme"
		return &types.HostTcpHba{HostHostBusAdapter: base, AssociatedPnic: "vmnic1"}
	case "nvme-rdma":
		base.StorageProtocol = "nvme"
		return &types.HostRdmaHba{HostHostBusAdapter: base, AssociatedRdmaDevice: "vmrdma0"}
	case "sas":
		return &types.HostSerialAttachedHba{HostHostBusAdapter: base, NodeWorldWideName: "5d0946606e78ac00"}
	}
	return &types.HostBlockHba{HostHostBusAdapter: base}
}

func (w *World) makeHost(host *simulator.HostSystem, want HostWish) {
	host.Name = want.Name
	host.Summary.Config.Name = want.Name
	host.Hardware.SystemInfo.Uuid = want.UUID
	host.Summary.Hardware.Uuid = want.UUID
	w.names["host "+want.Name] = host.Self

	storage := &types.HostStorageDeviceInfo{MultipathInfo: &types.HostMultipathInfo{}}
	keys := map[string]string{}
	for _, adapter := range want.Adapters {
		made := hba(adapter)
		keys[adapter.Name] = made.GetHostHostBusAdapter().Key
		storage.HostBusAdapter = append(storage.HostBusAdapter, made)
	}
	for i, device := range want.Devices {
		key := fmt.Sprintf("key-vim.host.ScsiDisk-%04d", i) // not made from the name: whoever joins by name finds nothing
		disk := &types.HostScsiDisk{
			ScsiLun: types.ScsiLun{HostDevice: types.HostDevice{DeviceName: "/vmfs/devices/disks/" + device.Name, DeviceType: "disk"},
				Key: key, Uuid: device.UUID, CanonicalName: device.Name, LunType: "disk", Vendor: "NETAPP", Model: "LUN C-Mode",
				OperationalState: []string{"ok"}},
			Capacity:   types.HostDiskDimensionsLba{BlockSize: 512, Block: device.Size / 512},
			DevicePath: "/vmfs/devices/disks/" + device.Name,
		}
		storage.ScsiLun = append(storage.ScsiLun, disk)
		unit := types.HostMultipathInfoLogicalUnit{Key: fmt.Sprintf("key-vim.host.MultipathInfo.LogicalUnit-%04d", i), Id: device.UUID, Lun: key,
			Policy: &types.HostMultipathInfoFixedLogicalUnitPolicy{HostMultipathInfoLogicalUnitPolicy: types.HostMultipathInfoLogicalUnitPolicy{Policy: "VMW_PSP_RR"}}}
		for n, path := range device.Paths {
			name := fmt.Sprintf("%s:C0:T%d:L%d", path.Adapter, n, path.LUN)
			unit.Path = append(unit.Path, types.HostMultipathInfoPath{Key: "key-vim.host.MultipathInfo.Path-" + name, Name: name,
				PathState: path.State, State: path.State, Adapter: keys[path.Adapter], Lun: unit.Key})
		}
		storage.MultipathInfo.Lun = append(storage.MultipathInfo.Lun, unit)
	}
	host.Config.StorageDevice = storage

	// vmk0 … carry the management network; one more candidate is not selected, as on every real host.
	network := types.VirtualNicManagerNetConfig{NicType: "management", MultiSelectAllowed: true}
	for i, address := range append(append([]string{}, want.Addresses...), "10.255.255.255") {
		device := fmt.Sprintf("vmk%d", i)
		nic := types.HostVirtualNic{Device: device, Key: "management.key-vim.host.VirtualNic-" + device,
			Spec: types.HostVirtualNicSpec{Ip: &types.HostIpConfig{}}}
		if strings.Contains(address, ":") {
			nic.Spec.Ip.IpV6Config = &types.HostIpConfigIpV6AddressConfiguration{
				IpV6Address: []types.HostIpConfigIpV6Address{{IpAddress: "fe80::1", PrefixLength: 64}, {IpAddress: address, PrefixLength: 64}}}
		} else {
			nic.Spec.Ip.IpAddress = address
		}
		network.CandidateVnic = append(network.CandidateVnic, nic)
		if i < len(want.Addresses) {
			network.SelectedVnic = append(network.SelectedVnic, nic.Key)
		}
	}
	host.Config.VirtualNicManagerInfo = &types.HostVirtualNicManagerInfo{NetConfig: []types.VirtualNicManagerNetConfig{
		{NicType: "vmotion", CandidateVnic: network.CandidateVnic, SelectedVnic: []string{"vmotion.key-vim.host.VirtualNic-vmk0"}}, network}}

	modules := &kernelModules{guid: want.Scini}
	reference := w.model.Map().Put(modules).Reference()
	host.ConfigManager.KernelModuleSystem = &reference
	if want.State != "" {
		check(w.connection(want.Name, want.State))
	}
}

// Which host mounts which datastore.
func (w *World) mount() {
	registry := w.model.Map()
	for _, each := range registry.All("HostSystem") {
		host := each.(*simulator.HostSystem)
		host.Datastore = nil
		for _, want := range w.wish.Datastores {
			if len(want.Hosts) > 0 && !contains(want.Hosts, host.Name) {
				continue
			}
			reference := w.names["datastore "+want.Name]
			host.Datastore = append(host.Datastore, reference)
			store := registry.Get(reference).(*simulator.Datastore)
			yes := true
			store.Host = append(store.Host, types.DatastoreHostMount{Key: host.Self,
				MountInfo: types.HostMountInfo{Path: "/vmfs/volumes/" + want.UUID, AccessMode: "readWrite", Mounted: &yes, Accessible: &yes}})
		}
	}
	for _, want := range w.wish.Datastores { // the simulator listed one host of its own first
		store := registry.Get(w.names["datastore "+want.Name]).(*simulator.Datastore)
		kept := []types.DatastoreHostMount{}
		for _, mount := range store.Host {
			if strings.HasPrefix(mount.MountInfo.Path, "/vmfs/volumes/") {
				kept = append(kept, mount)
			}
		}
		store.Host = kept
	}
}

func contains(list []string, wanted string) bool {
	for _, each := range list {
		if each == wanted {
			return true
		}
	}
	return false
}

func (w *World) makeVM(ctx context.Context, vm *simulator.VirtualMachine, want VMWish) {
	vm.Name = escaped(want.Name)
	vm.Config.Name = vm.Name
	vm.Summary.Config.Name = vm.Name
	w.names["vm "+want.Name] = vm.Self
	if want.Folder != "" {
		folder := w.folder(ctx, *vm.Parent, want.Folder)
		task, err := folder.MoveInto(ctx, []types.ManagedObjectReference{vm.Self})
		check(err)
		check(task.Wait(ctx))
	}
	devices := []types.BaseVirtualDevice{}
	for _, device := range vm.Config.Hardware.Device {
		if _, disk := device.(*types.VirtualDisk); !disk {
			devices = append(devices, device)
		}
	}
	layout := &types.VirtualMachineFileLayoutEx{Timestamp: time.Now()}
	for i, disk := range want.Disks {
		made := w.disk(int32(2000+i), disk)
		devices = append(devices, made)
		keys := []int32{int32(2 * i), int32(2*i + 1)}
		layout.File = append(layout.File,
			types.VirtualMachineFileLayoutExFileInfo{Key: keys[0], Name: disk.File, Type: "diskDescriptor", Size: 600},
			types.VirtualMachineFileLayoutExFileInfo{Key: keys[1], Name: disk.File, Type: "diskExtent", Size: disk.Allocated})
		layout.Disk = append(layout.Disk, types.VirtualMachineFileLayoutExDiskLayout{Key: made.Key,
			Chain: []types.VirtualMachineFileLayoutExDiskUnit{{FileKey: keys}}})
	}
	vm.Config.Hardware.Device = devices
	vm.LayoutEx = layout
	if want.Host != "" {
		check(w.move(want.Name, want.Host))
	}
	if want.Power != "" {
		check(w.power(want.Name, want.Power))
	}
}

func (w *World) folder(ctx context.Context, root types.ManagedObjectReference, path string) *object.Folder {
	parent := object.NewFolder(w.admin, root)
	walked := ""
	for _, part := range strings.Split(path, "/") {
		walked += "/" + part
		if w.folders[walked] == nil {
			made, err := parent.CreateFolder(ctx, escaped(part))
			check(err)
			w.folders[walked] = made
		}
		parent = w.folders[walked]
	}
	return parent
}

func (w *World) disk(key int32, want DiskWish) *types.VirtualDisk {
	store := strings.TrimPrefix(strings.SplitN(want.File, "]", 2)[0], "[")
	reference := w.names["datastore "+store]
	file := func(name string) types.VirtualDeviceFileBackingInfo {
		info := types.VirtualDeviceFileBackingInfo{FileName: name, Datastore: &reference}
		if want.Kind == "vvol" || want.Kind == "vsan" {
			info.BackingObjectId = want.BackingID
		}
		return info
	}
	diskMode := want.Mode
	if diskMode == "" {
		diskMode = "persistent"
	}
	var backing types.BaseVirtualDeviceBackingInfo
	switch want.Kind {
	case "rdm-physical", "rdm-virtual":
		mode := map[string]string{"rdm-physical": "physicalMode", "rdm-virtual": "virtualMode"}[want.Kind]
		backing = &types.VirtualDiskRawDiskMappingVer1BackingInfo{VirtualDeviceFileBackingInfo: file(want.File), LunUuid: want.LunUUID,
			DeviceName: want.Device, CompatibilityMode: mode, DiskMode: diskMode}
	case "raw":
		backing = &types.VirtualDiskRawDiskVer2BackingInfo{VirtualDeviceDeviceBackingInfo: types.VirtualDeviceDeviceBackingInfo{DeviceName: want.Device},
			DescriptorFileName: want.File}
	case "sesparse":
		top := &types.VirtualDiskSeSparseBackingInfo{VirtualDeviceFileBackingInfo: file(want.File), DiskMode: "persistent"}
		level := top
		for _, parent := range want.Parents {
			level.Parent = &types.VirtualDiskSeSparseBackingInfo{VirtualDeviceFileBackingInfo: file(parent), DiskMode: "persistent"}
			level = level.Parent
		}
		backing = top
	default:
		thin, zeroed := !want.Thick, false
		top := &types.VirtualDiskFlatVer2BackingInfo{VirtualDeviceFileBackingInfo: file(want.File), DiskMode: diskMode,
			ThinProvisioned: &thin, EagerlyScrub: &zeroed}
		level := top
		for _, parent := range want.Parents {
			level.Parent = &types.VirtualDiskFlatVer2BackingInfo{VirtualDeviceFileBackingInfo: file(parent), DiskMode: "persistent"}
			level = level.Parent
		}
		backing = top
	}
	unit := int32(key - 2000)
	return &types.VirtualDisk{
		VirtualDevice: types.VirtualDevice{Key: key, DeviceInfo: &types.Description{Label: fmt.Sprintf("Hard disk %d", unit+1)},
			Backing: backing, ControllerKey: 1000, UnitNumber: &unit},
		CapacityInKB: want.Size / 1024, CapacityInBytes: want.Size}
}

func (w *World) move(vm, host string) error {
	machine, err := w.get("vm " + vm)
	if err != nil {
		return err
	}
	target, err := w.get("host " + host)
	if err != nil {
		return err
	}
	reference := target.Reference()
	machine.(*simulator.VirtualMachine).Runtime.Host = &reference
	return nil
}

func (w *World) power(vm, state string) error {
	machine, err := w.get("vm " + vm)
	if err != nil {
		return err
	}
	machine.(*simulator.VirtualMachine).Runtime.PowerState = types.VirtualMachinePowerState(state)
	return nil
}

func (w *World) connection(host, state string) error {
	machine, err := w.get("host " + host)
	if err != nil {
		return err
	}
	machine.(*simulator.HostSystem).Runtime.ConnectionState = types.HostSystemConnectionState(state)
	return nil
}

func (w *World) list() ([]types.UserSession, error) {
	var manager mo.SessionManager
	err := mo.RetrieveProperties(context.Background(), w.admin, w.admin.ServiceContent.PropertyCollector,
		*w.admin.ServiceContent.SessionManager, &manager)
	return manager.SessionList, err
}

// Sessions of others than this program.
func (w *World) sessions() []string {
	all, err := w.list()
	check(err)
	names := []string{}
	for _, each := range all {
		if each.UserName != "inside" {
			names = append(names, each.UserName)
		}
	}
	return names
}

func (w *World) endSessions() error {
	all, err := w.list()
	if err != nil {
		return err
	}
	keys := []string{}
	for _, each := range all {
		if each.UserName != "inside" {
			keys = append(keys, each.Key)
		}
	}
	_, err = methods.TerminateSession(context.Background(), w.admin,
		&types.TerminateSession{This: *w.admin.ServiceContent.SessionManager, SessionId: keys})
	return err
}

// kernelModules is the part of a host that the simulator lacks: its drivers and their options.
type kernelModules struct {
	mo.HostKernelModuleSystem
	guid string
}

func (k *kernelModules) QueryModules(*simulator.Context, *types.QueryModules) soap.HasFault {
	list := []types.KernelModuleInfo{{Id: 1, Name: "vmkernel", Loaded: true, Enabled: true}}
	if k.guid != "" {
		list = append(list, types.KernelModuleInfo{Id: 2, Name: "scini", Loaded: true, Enabled: true,
			OptionString: "IoctlIniGuidStr=" + k.guid + " IoctlMdmIPStr=10.0.0.1,10.0.0.2"})
	}
	return &methods.QueryModulesBody{Res: &types.QueryModulesResponse{Returnval: list}}
}
