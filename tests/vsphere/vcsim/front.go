package main

import (
	"bytes"
	"crypto/subtle"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"
)

// Front is what a client sees: TLS, one account, cookies as a vCenter 8 sends them, and trouble on demand. What the simulator is
// too lenient about, it is strict about: SOAPAction, the order of a request's elements, authentication of files.
type Front struct {
	world    *World
	user     string
	password string
	uploads  string
	url      string
	port     int
	inside   http.RoundTripper

	mutex   sync.Mutex
	seen    []string
	trouble []Order
	page    int
	held    int
	gate    chan struct{}
	news    *sync.Cond
}

func newFront(world *World, pair tls.Certificate, user, password, uploads string) *Front {
	f := &Front{world: world, user: user, password: password, uploads: uploads, inside: &http.Transport{}, gate: make(chan struct{})}
	f.news = sync.NewCond(&f.mutex)
	world.model.Service.Listen.User = url.UserPassword(user, password)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12})
	check(err)
	f.port = listener.Addr().(*net.TCPAddr).Port
	f.url = fmt.Sprintf("https://127.0.0.1:%d", f.port)
	go func() {
		server := &http.Server{Handler: f, ReadHeaderTimeout: 30 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
		check(server.Serve(listener))
	}()
	return f
}

func (f *Front) takeLog() []string {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	taken := f.seen
	if taken == nil {
		taken = []string{}
	}
	f.seen = nil
	return taken
}

func (f *Front) addTrouble(order Order) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.trouble = append(f.trouble, order)
}

func (f *Front) calm() {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.trouble = nil
}

func (f *Front) hold() {
	f.mutex.Lock()
	f.held++
	gate := f.gate
	f.news.Broadcast()
	f.mutex.Unlock()
	<-gate
}

func (f *Front) waitHeld(count int) error {
	late := time.AfterFunc(30*time.Second, f.news.Broadcast)
	defer late.Stop()
	began := time.Now()
	f.mutex.Lock()
	defer f.mutex.Unlock()
	for f.held < count {
		if time.Since(began) > 29*time.Second {
			return fmt.Errorf("only %d requests are held", f.held)
		}
		f.news.Wait()
	}
	return nil
}

func (f *Front) release() {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.held = 0
	close(f.gate)
	f.gate = make(chan struct{})
}

func (f *Front) pageBy(count int) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.page = count
}

// The trouble this request meets, if any; count 0 means for ever.
func (f *Front) meets(method string) *Order {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	for i := range f.trouble {
		each := &f.trouble[i]
		if each.Method != "" && each.Method != method {
			continue
		}
		if each.Skip > 0 {
			each.Skip--
			continue
		}
		met := *each
		if each.Count == 1 {
			f.trouble = append(f.trouble[:i], f.trouble[i+1:]...)
		} else if each.Count > 1 {
			each.Count--
		}
		return &met
	}
	return nil
}

var methodName = regexp.MustCompile(`Body>\s*<([A-Za-z_]+)`)

func (f *Front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	isFile := strings.HasPrefix(r.URL.Path, "/folder/")
	method, met, body := r.Method+" "+r.URL.Path, r.Method+" /folder", []byte(nil)
	if !isFile {
		var err error
		if body, err = io.ReadAll(io.LimitReader(r.Body, 1<<24)); err != nil {
			return
		}
		if found := methodName.FindSubmatch(body); r.URL.Path == "/sdk" && found != nil {
			method = string(found[1])
		}
		met = method
	}
	f.mutex.Lock()
	f.seen = append(f.seen, method)
	page := f.page
	f.mutex.Unlock()

	trouble := f.meets(met)
	if trouble != nil && trouble.When == "after" {
		f.serve(&nobody{header: http.Header{}}, r, method, body, page, nil)
		f.misbehave(w, r, trouble)
		return
	}
	if trouble != nil && trouble.Task != "" {
		write(w, 200, taskReply(method, trouble.Task))
		return
	}
	if trouble != nil && trouble.Cut == 0 {
		f.misbehave(w, r, trouble)
		if !trouble.Hold {
			return
		}
		trouble = nil
	}
	f.serve(w, r, method, body, page, trouble)
}

func (f *Front) misbehave(w http.ResponseWriter, r *http.Request, trouble *Order) {
	switch {
	case trouble.Hold:
		f.hold()
	case trouble.Status == -1: // the connection breaks
		panic(http.ErrAbortHandler)
	case trouble.Status != 0:
		http.Error(w, "no healthy upstream", trouble.Status)
	case trouble.Where == "missing":
		write(w, 200, missingSet(trouble.Fault))
	default:
		write(w, 500, fault(trouble.Fault, "simulated "+trouble.Fault))
	}
}

func (f *Front) serve(w http.ResponseWriter, r *http.Request, method string, body []byte, page int, cut *Order) {
	if strings.HasPrefix(r.URL.Path, "/folder/") {
		f.folder(w, r, cut)
		return
	}
	if r.URL.Path == "/sdk" && r.Method == http.MethodPost {
		if why := strict(r, method, string(body)); why != "" {
			log.Printf("REFUSED %s: %s", method, why)
			write(w, 500, fault("InvalidRequest", why))
			return
		}
		if failed := failedTask.FindSubmatch(body); method == "RetrievePropertiesEx" && failed != nil {
			write(w, 200, taskInfo(string(failed[1])))
			return
		}
	}
	if page > 0 { // as a server that pages by itself
		body = bytes.Replace(body, []byte("<options/>"), []byte(fmt.Sprintf("<options><maxObjects>%d</maxObjects></options>", page)), 1)
	}
	f.pass(w, r, body)
}

// nobody takes an answer that is lost.
type nobody struct{ header http.Header }

func (n *nobody) Header() http.Header           { return n.header }
func (n *nobody) Write(text []byte) (int, error) { return len(text), nil }
func (n *nobody) WriteHeader(int)                {}

// A task of ours: its name says how it ends.
var failedTask = regexp.MustCompile(`>task-that-fails-([A-Za-z]+)<`)

func taskReply(method, kind string) string {
	return `<` + method + `Response xmlns="urn:vim25"><returnval type="Task">task-that-fails-` + kind + `</returnval></` + method + `Response>`
}

func taskInfo(kind string) string {
	return `<RetrievePropertiesExResponse xmlns="urn:vim25"><returnval><objects><obj type="Task">task-that-fails-` + kind + `</obj><propSet><name>info</name>` +
		`<val xsi:type="TaskInfo"><key>task-1</key><state>error</state><error><fault xsi:type="` + kind + `"><file>[ds] f</file></fault>` +
		`<localizedMessage>simulated ` + kind + `</localizedMessage></error></val></propSet></objects></returnval></RetrievePropertiesExResponse>`
}

// strict refuses what a real server refuses and the simulator lets pass.
func strict(r *http.Request, method, body string) string {
	if !strings.HasPrefix(strings.Trim(r.Header.Get("SOAPAction"), `"`), "urn:vim25/") {
		return "SOAPAction is " + r.Header.Get("SOAPAction")
	}
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "text/xml") {
		return "Content-Type is " + r.Header.Get("Content-Type")
	}
	order := map[string][]string{
		"Login":                        {"_this", "userName", "password", "locale"},
		"RetrievePropertiesEx":         {"_this", "specSet", "options"},
		"ContinueRetrievePropertiesEx": {"_this", "token"},
		"FindByInventoryPath":          {"_this", "inventoryPath"},
		"MoveDatastoreFile_Task":       {"_this", "sourceName", "sourceDatacenter", "destinationName", "destinationDatacenter", "force"},
		"DeleteDatastoreFile_Task":     {"_this", "name", "datacenter"},
	}
	at := -1
	for _, element := range order[method] {
		next := strings.Index(body, "<"+element)
		if next < 0 {
			return method + " lacks " + element
		}
		if next < at {
			return method + ": " + element + " comes too early"
		}
		at = next
	}
	for _, spec := range regexp.MustCompile(`(?s)<selectSet xsi:type="TraversalSpec">.*?</selectSet>`).FindAllString(body, -1) {
		last := -1
		for _, element := range []string{"<name>", "<type>", "<path>", "<skip>"} {
			if next := strings.Index(spec, element); next >= 0 {
				if next < last {
					return "TraversalSpec: " + element + " comes too early"
				}
				last = next
			}
		}
	}
	return ""
}

func (f *Front) pass(w http.ResponseWriter, r *http.Request, body []byte) {
	target := *f.world.server.URL
	target.Path, target.RawQuery, target.User = r.URL.Path, r.URL.RawQuery, nil
	inner, err := http.NewRequest(r.Method, target.String(), bytes.NewReader(body))
	check(err)
	for name, values := range r.Header {
		inner.Header[name] = values
	}
	inner.Header.Del("Accept-Encoding")
	inner.Header.Set("Cookie", strings.ReplaceAll(r.Header.Get("Cookie"), `"`, "")) // the simulator knows no quotes
	reply, err := f.inside.RoundTrip(inner)
	if err != nil {
		http.Error(w, err.Error(), 502)
		return
	}
	defer reply.Body.Close()
	text, _ := io.ReadAll(reply.Body)
	for name, values := range reply.Header {
		if name != "Set-Cookie" && name != "Content-Length" {
			w.Header()[name] = values
		}
	}
	for _, cookie := range reply.Cookies() { // as a vCenter 8 writes it: quotes are part of the value
		w.Header().Add("Set-Cookie", fmt.Sprintf(`%s="%s"; Path=/; HttpOnly; Secure; `, cookie.Name, cookie.Value))
	}
	w.WriteHeader(reply.StatusCode)
	_, _ = w.Write(text)
}

// folder serves datastore files, which need a session on a real vCenter.
func (f *Front) folder(w http.ResponseWriter, r *http.Request, cut *Order) {
	cookie := strings.ReplaceAll(r.Header.Get("Cookie"), `"`, "")
	live := false
	all, err := f.world.list()
	check(err)
	for _, session := range all {
		if session.UserName == f.user && subtle.ConstantTimeCompare([]byte(cookie), []byte("vmware_soap_session="+session.Key)) == 1 {
			live = true
		}
	}
	if !live {
		http.Error(w, "who are you?", 401)
		return
	}
	center, store := r.URL.Query().Get("dcPath"), r.URL.Query().Get("dsName")
	known := false
	for _, each := range f.world.wish.Datastores {
		known = known || each.Name == store
	}
	path := f.world.wish.Datacenter
	if f.world.wish.Folder != "" {
		path = f.world.wish.Folder + "/" + path
	}
	if !known || center != path || strings.Contains(r.URL.Path, "..") {
		http.Error(w, "no such datastore or datacenter", 404)
		return
	}
	file := filepath.Join(f.uploads, store, strings.TrimPrefix(r.URL.Path, "/folder/"))
	switch {
	case r.Method == http.MethodGet:
		text, err := os.ReadFile(file)
		if err != nil {
			http.Error(w, "no such file", 404)
			return
		}
		_, _ = w.Write(text)
	case r.Method != http.MethodPut || r.ContentLength < 0:
		http.Error(w, "only GET, and PUT with its length", 400)
	default:
		f.put(w, r, file, cut)
	}
}

// put writes as the bytes come, as a host does: who breaks off leaves the beginning.
func (f *Front) put(w http.ResponseWriter, r *http.Request, file string, cut *Order) {
	check(os.MkdirAll(filepath.Dir(file), 0o755))
	out, err := os.Create(file)
	check(err)
	defer out.Close()
	if cut != nil {
		_, _ = io.CopyN(out, r.Body, cut.Cut)
		check(out.Sync())
		f.misbehave(w, r, cut)
		if !cut.Hold {
			return
		}
	}
	if _, err := io.Copy(out, r.Body); err == nil {
		w.WriteHeader(201)
	}
}

func write(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, `<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"`+
		` xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>`+body+
		`</soapenv:Body></soapenv:Envelope>`)
}

func fault(kind, text string) string {
	if kind == "" { // no typed detail: a proxy's or a parser's
		return `<soapenv:Fault><faultcode>ServerFaultCode</faultcode><faultstring>` + text + `</faultstring></soapenv:Fault>`
	}
	inner := ""
	if kind == "NoPermission" {
		inner = `<object type="Folder">group-d1</object><privilegeId>Datastore.FileManagement</privilegeId>`
	}
	return `<soapenv:Fault><faultcode>ServerFaultCode</faultcode><faultstring>` + text + `</faultstring><detail><` + kind +
		`Fault xmlns="urn:vim25" xsi:type="` + kind + `">` + inner + `</` + kind + `Fault></detail></soapenv:Fault>`
}

func missingSet(kind string) string {
	return `<RetrievePropertiesExResponse xmlns="urn:vim25"><returnval><objects><obj type="VirtualMachine">vm-1</obj><missingSet><path>name</path><fault>` +
		`<fault xsi:type="` + kind + `"><object type="VirtualMachine">vm-1</object><privilegeId>System.View</privilegeId></fault><localizedMessage/></fault>` +
		`</missingSet></objects></returnval></RetrievePropertiesExResponse>`
}
