package main

import (
	"context"
	"log"
	"os"
	"time"

	pb "workflow-engine.example/workers/go/workflowpb"
)

// What this process holds, on whichever stream. One goroutine owns it, so that nothing needs a lock.

type key struct {
	execution, path string
	delivery        int64
}

func keyOf(lease *pb.Lease) key { return key{lease.ExecutionId, lease.Path, lease.Delivery} }

// step is one hand-over: it is kept until the server says that its result is durable.
type step struct {
	lease            *pb.Lease
	cancel           context.CancelFunc
	expires, renewed time.Time // of Go's monotonic clock: a changed clock cannot prolong a lease
	result           *pb.Result
	stopping         string
	confirm          bool
}

type worker struct {
	id         string
	held       map[key]*step
	done       chan *pb.Result // from the goroutines that work
	again      chan struct{}   // results are to be sent again
	terminated chan os.Signal
	ticker     *time.Ticker
	draining   bool
	accepted   bool        // the contract was, in this life of the process
	terms      *pb.Welcome // of the last session
	session    *session
}

func (w *worker) start(assignment *pb.Assignment) {
	lease := assignment.Lease
	if w.held[keyOf(lease)] != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	w.held[keyOf(lease)] = &step{lease: lease, cancel: cancel, expires: time.Now().Add(w.lease())}
	log.Printf("working on %s %s, attempt %d", lease.ExecutionId, lease.Path, assignment.Attempt)
	go func() { w.done <- perform(ctx, assignment) }()
}

func (w *worker) finished(result *pb.Result) {
	step := w.held[keyOf(result.Lease)]
	step.cancel()
	if step.stopping == "" {
		step.result = result
		w.session.report(result)
		return
	}
	log.Printf("stopped %s %s: %s", step.lease.ExecutionId, step.lease.Path, step.stopping)
	delete(w.held, keyOf(step.lease))
	if step.confirm {
		w.session.cancelled(step.lease)
	}
}

// stop ends the work on a step; it is confirmed when the work has really ended.
func (w *worker) stop(lease *pb.Lease, reason string, confirm bool) {
	step := w.held[keyOf(lease)]
	if step != nil && step.result == nil {
		step.stopping, step.confirm = reason, confirm
		step.cancel()
		return
	}
	delete(w.held, keyOf(lease))
	if confirm {
		w.session.cancelled(lease)
	}
}

func (w *worker) lease() time.Duration { return seconds(w.terms.GetLeaseSeconds()) }

func seconds(value float64) time.Duration { return time.Duration(value * float64(time.Second)) }

// resend reports everything that is finished and was not acked.
func (w *worker) resend() {
	for _, step := range w.held {
		if step.result != nil {
			w.session.report(step.result)
		}
	}
}

// tick renews in one batch at a quarter of the lease, gives up what expired, and leaves a stream that has fallen silent.
func (w *worker) tick() {
	now := time.Now()
	var renew []*pb.Lease
	for _, step := range w.held {
		if step.result == nil && now.After(step.expires) {
			w.stop(step.lease, "its lease ran out", false)
		} else if now.After(step.expires.Add(-w.lease()*3/4)) && now.Sub(step.renewed) > time.Second {
			step.renewed = now
			renew = append(renew, step.lease)
		}
	}
	s := w.session
	if s == nil {
		return
	}
	if len(renew) > 0 && s.welcomed {
		s.send(&pb.SessionRequest{Frame: &pb.SessionRequest_Renew{Renew: &pb.Renew{Leases: renew}}})
	}
	if now.Sub(s.heard) > w.deadAfter() {
		s.cancel()
	}
}

func (w *worker) deadAfter() time.Duration {
	if w.terms == nil {
		return 30 * time.Second // until the server has said it
	}
	return seconds(w.terms.DeadAfterSeconds)
}
