// A client as Go programs have it: the module go.etcd.io/etcd/client/v3 against the server at hand, over TLS.
//
// It puts, reads, changes in a transaction, watches, keeps a lease alive, locks, elects, logs in as a user who may not do
// everything, and reads /metrics whole with Prometheus' own parser. It prints a line for each, and stops at the first that
// is not as it should be.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
)

// How long each step may take on a machine that is busy with other things.
const patience = 60 * time.Second

var (
	endpoint = flag.String("endpoint", "", "URL of the server")
	ca       = flag.String("ca", "", "certificate of the authority")
	cert     = flag.String("cert", "", "certificate of this client")
	key      = flag.String("key", "", "its key")
)

func main() {
	flag.Parse()
	config, err := tlsConfig()
	if err != nil {
		fail("TLS", err)
	}
	client, err := dial(config, "", "")
	if err != nil {
		fail("connect", err)
	}
	defer client.Close()
	steps := []struct {
		name string
		run  func(context.Context, *clientv3.Client) error
	}{
		{"put, get and delete", keys},
		{"transaction", transaction},
		{"watch", watch},
		{"lease", lease},
		{"lock", lock},
		{"election", election},
		{"login", func(ctx context.Context, c *clientv3.Client) error { return login(ctx, c, config) }},
		{"metrics", func(ctx context.Context, _ *clientv3.Client) error { return metrics(ctx, config) }},
	}
	for _, step := range steps {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		err := step.run(ctx, client)
		cancel()
		if err != nil {
			fail(step.name, err)
		}
		fmt.Println("ok", step.name)
	}
}

func fail(step string, err error) {
	fmt.Fprintf(os.Stderr, "%s: %v\n", step, err)
	os.Exit(1)
}

func tlsConfig() (*tls.Config, error) {
	pem, err := os.ReadFile(*ca)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("no certificate in the authority's file")
	}
	config := &tls.Config{RootCAs: pool}
	if *cert != "" {
		pair, err := tls.LoadX509KeyPair(*cert, *key)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

func dial(config *tls.Config, user, password string) (*clientv3.Client, error) {
	return clientv3.New(clientv3.Config{
		Endpoints:   []string{*endpoint},
		DialTimeout: patience,
		TLS:         config,
		Username:    user,
		Password:    password,
	})
}

func want(condition bool, what string, saw any) error {
	if condition {
		return nil
	}
	return fmt.Errorf("%s: saw %v", what, saw)
}

func keys(ctx context.Context, client *clientv3.Client) error {
	if _, err := client.Put(ctx, "go/a", "1"); err != nil {
		return err
	}
	got, err := client.Get(ctx, "go/", clientv3.WithPrefix())
	if err != nil {
		return err
	}
	if err := want(len(got.Kvs) == 1 && string(got.Kvs[0].Value) == "1", "one key with its value", got.Kvs); err != nil {
		return err
	}
	gone, err := client.Delete(ctx, "go/a", clientv3.WithPrevKV())
	if err != nil {
		return err
	}
	return want(gone.Deleted == 1 && len(gone.PrevKvs) == 1, "one deleted", gone)
}

func transaction(ctx context.Context, client *clientv3.Client) error {
	create := func() (*clientv3.TxnResponse, error) {
		missing := clientv3.Compare(clientv3.CreateRevision("go/t"), "=", 0)
		return client.Txn(ctx).If(missing).Then(clientv3.OpPut("go/t", "1")).Else(clientv3.OpGet("go/t")).Commit()
	}
	first, err := create()
	if err != nil {
		return err
	}
	second, err := create()
	if err != nil {
		return err
	}
	return want(first.Succeeded && !second.Succeeded, "only the first creates", []bool{first.Succeeded, second.Succeeded})
}

func watch(ctx context.Context, client *clientv3.Client) error {
	events := client.Watch(ctx, "go/w", clientv3.WithPrefix(), clientv3.WithCreatedNotify(), clientv3.WithPrevKV())
	if first := <-events; !first.Created {
		return want(false, "created first", first)
	}
	for number := range 10 {
		if _, err := client.Put(ctx, "go/w", fmt.Sprint(number)); err != nil {
			return err
		}
	}
	seen := 0
	for seen < 10 {
		answer, open := <-events
		if !open || answer.Err() != nil {
			return want(false, "events", answer.Err())
		}
		for _, event := range answer.Events {
			if string(event.Kv.Value) != fmt.Sprint(seen) {
				return want(false, "events in order", event)
			}
			seen++
		}
	}
	return nil
}

func lease(ctx context.Context, client *clientv3.Client) error {
	granted, err := client.Grant(ctx, 600)
	if err != nil {
		return err
	}
	if _, err := client.Put(ctx, "go/l", "1", clientv3.WithLease(granted.ID)); err != nil {
		return err
	}
	renewed, err := client.KeepAliveOnce(ctx, granted.ID)
	if err != nil {
		return err
	}
	if err := want(renewed.TTL == 600, "renewed", renewed); err != nil {
		return err
	}
	if _, err := client.Revoke(ctx, granted.ID); err != nil {
		return err
	}
	got, err := client.Get(ctx, "go/l")
	if err != nil {
		return err
	}
	return want(got.Count == 0, "gone with its lease", got)
}

func lock(ctx context.Context, client *clientv3.Client) error {
	one, err := concurrency.NewSession(client)
	if err != nil {
		return err
	}
	defer one.Close()
	other, err := concurrency.NewSession(client)
	if err != nil {
		return err
	}
	defer other.Close()
	held, waiting := concurrency.NewMutex(one, "go/lock"), concurrency.NewMutex(other, "go/lock")
	if err := held.Lock(ctx); err != nil {
		return err
	}
	if err := waiting.TryLock(ctx); !errors.Is(err, concurrency.ErrLocked) {
		return want(false, "locked by another", err)
	}
	done := make(chan error, 1)
	go func() { done <- waiting.Lock(ctx) }()
	if err := held.Unlock(ctx); err != nil {
		return err
	}
	if err := <-done; err != nil {
		return err
	}
	return waiting.Unlock(ctx)
}

func election(ctx context.Context, client *clientv3.Client) error {
	session, err := concurrency.NewSession(client)
	if err != nil {
		return err
	}
	defer session.Close()
	candidate := concurrency.NewElection(session, "go/election")
	if err := candidate.Campaign(ctx, "me"); err != nil {
		return err
	}
	leader, err := candidate.Leader(ctx)
	if err != nil {
		return err
	}
	if err := want(string(leader.Kvs[0].Value) == "me", "elected", leader.Kvs); err != nil {
		return err
	}
	return candidate.Resign(ctx)
}

// login makes users, turns authentication on, looks who may do what, and turns it off again.
func login(ctx context.Context, client *clientv3.Client, config *tls.Config) error {
	for _, user := range []string{"root", "guest"} {
		if _, err := client.UserAdd(ctx, user, "secret"); err != nil {
			return err
		}
	}
	if _, err := client.RoleAdd(ctx, "root"); err != nil {
		return err
	}
	if _, err := client.RoleAdd(ctx, "reader"); err != nil {
		return err
	}
	permission := clientv3.PermissionType(clientv3.PermRead)
	if _, err := client.RoleGrantPermission(ctx, "reader", "go/", clientv3.GetPrefixRangeEnd("go/"), permission); err != nil {
		return err
	}
	if _, err := client.UserGrantRole(ctx, "root", "root"); err != nil {
		return err
	}
	if _, err := client.UserGrantRole(ctx, "guest", "reader"); err != nil {
		return err
	}
	if _, err := client.AuthEnable(ctx); err != nil {
		return err
	}
	root, err := dial(config, "root", "secret")
	if err != nil {
		return err
	}
	defer root.Close()
	guest, err := dial(config, "guest", "secret")
	if err != nil {
		return err
	}
	defer guest.Close()
	if _, err := guest.Get(ctx, "go/t"); err != nil {
		return err
	}
	if _, err := guest.Put(ctx, "go/t", "2"); !errors.Is(err, rpctypes.ErrPermissionDenied) {
		return want(false, "a guest may not write", err)
	}
	if _, err := dial(config, "guest", "wrong"); !errors.Is(err, rpctypes.ErrAuthFailed) {
		return want(false, "a wrong password is refused", err)
	}
	if _, err := root.Put(ctx, "go/t", "3"); err != nil {
		return err
	}
	_, err = root.AuthDisable(ctx)
	return err
}

func metrics(ctx context.Context, config *tls.Config) error {
	client := http.Client{Transport: &http.Transport{TLSClientConfig: config}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, *endpoint+"/metrics", nil)
	if err != nil {
		return err
	}
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(answer.Body)
	if err != nil {
		return err
	}
	puts := families["etcd_mvcc_put_total"]
	if err := want(puts != nil && puts.Metric[0].Counter.GetValue() >= 13, "puts are counted", puts); err != nil {
		return err
	}
	return want(len(families) > 100, "all families", len(families))
}
