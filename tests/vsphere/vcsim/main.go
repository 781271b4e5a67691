// vcsim is VMware's own simulator of a vCenter (github.com/vmware/govmomi/simulator) with an inventory given by a test, behind
// a front that speaks TLS, counts requests, and misbehaves when it is told to. For tests only.
package main

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
)

func main() {
	inventory := flag.String("inventory", "", "JSON file: what the vCenter manages")
	certificate := flag.String("certificate", "", "PEM certificate of the front")
	key := flag.String("key", "", "PEM key of that certificate")
	user := flag.String("user", "", "the one account")
	password := flag.String("password-file", "", "file with its password")
	uploads := flag.String("uploads", "", "folder for files put on datastores")
	flag.Parse()
	log.SetOutput(os.Stderr)

	wanted := Inventory{}
	read(*inventory, &wanted)
	secret, err := os.ReadFile(*password)
	check(err)
	pair, err := tls.LoadX509KeyPair(*certificate, *key)
	check(err)

	world := newWorld(wanted, *uploads)
	front := newFront(world, pair, *user, string(secret), *uploads)
	say(map[string]any{"url": front.url, "port": front.port, "objects": world.references()})

	// One order per line, one answer per line; the end of stdin is the end of the program.
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		order := Order{}
		if err := json.Unmarshal(lines.Bytes(), &order); err != nil {
			say(map[string]any{"error": err.Error()})
			continue
		}
		answer, err := obey(world, front, order)
		if err != nil {
			answer = map[string]any{"error": err.Error()}
		}
		say(answer)
	}
	os.Exit(0) // temporary folders of the simulator are below the test's own TMPDIR
}

// Order is one line of the remote control.
type Order struct {
	Do     string `json:"do"`
	Method string `json:"method"` // of a fault: the SOAP method, or empty for any
	Fault  string `json:"fault"`  // its type
	Where  string `json:"where"`  // "missing": inside a 200 answer, as property reads report
	Status int    `json:"status"` // an HTTP status without a SOAP body instead
	Count  int    `json:"count"`
	Skip   int    `json:"skip"` // so many requests pass first
	When   string `json:"when"` // "after": what is asked for is done, and then the trouble comes
	Hold   bool   `json:"hold"` // until "release", instead of a fault
	Cut    int64  `json:"cut"`  // of a PUT: so many bytes reach the datastore
	Task   string `json:"task"` // the task that is started ends with this fault
	Store  string `json:"datastore"`
	Free   int64  `json:"free"`
	VM     string `json:"vm"`
	Host   string `json:"host"`
	State  string `json:"state"`
}

func obey(world *World, front *Front, order Order) (map[string]any, error) {
	switch order.Do {
	case "requests": // and starts counting afresh
		return map[string]any{"requests": front.takeLog()}, nil
	case "sessions":
		return map[string]any{"sessions": world.sessions()}, nil
	case "expire": // every session, as an idle timeout does
		return map[string]any{}, world.endSessions()
	case "trouble":
		front.addTrouble(order)
		return map[string]any{}, nil
	case "calm":
		front.calm()
		return map[string]any{}, nil
	case "pages": // so many objects in each answer; 0: all of them
		front.pageBy(order.Count)
		return map[string]any{}, nil
	case "held": // waits until so many requests are held
		return map[string]any{}, front.waitHeld(order.Count)
	case "release":
		front.release()
		return map[string]any{}, nil
	case "free": // space on a datastore
		return map[string]any{}, world.free(order.Store, order.Free)
	case "move": // vMotion
		return map[string]any{}, world.move(order.VM, order.Host)
	case "power":
		return map[string]any{}, world.power(order.VM, order.State)
	case "host":
		return map[string]any{}, world.connection(order.Host, order.State)
	}
	return nil, fmt.Errorf("no order %q", order.Do)
}

func say(what any) {
	text, err := json.Marshal(what)
	check(err)
	fmt.Println(string(text))
}

func read(file string, into any) {
	text, err := os.ReadFile(file)
	check(err)
	check(json.Unmarshal(text, into))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
