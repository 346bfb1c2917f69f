// A worker of the Workflow Engine. It dials out, says which step type it serves, and does the steps it is given.
//
//	worker [HOST:PORT]
package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"log"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"workflow-engine.example/workers/go/contact"
	pb "workflow-engine.example/workers/go/workflowpb"
)

// session is the one stream that stands, and what is known of it.
type session struct {
	stream             grpc.BidiStreamingClient[pb.SessionRequest, pb.SessionResponse]
	cancel             context.CancelFunc
	heard              time.Time
	welcomed, drained  bool
	registered         bool
	refused            bool
	reconnectAfter     time.Duration
	toAck, toCancelAck []*pb.Lease // said together, once what came in is read
	toReport           []*pb.Result
}

// --- sending. Without a session nothing is lost: the next one begins with what is held and the results not acked.

func (s *session) send(frame *pb.SessionRequest) {
	// When this fails the stream is over, and receiving says why.
	_ = s.stream.Send(frame)
}

func (s *session) report(result *pb.Result) {
	if s != nil {
		s.toReport = append(s.toReport, result)
	}
}

func (s *session) cancelled(lease *pb.Lease) {
	if s != nil {
		s.toCancelAck = append(s.toCancelAck, lease)
	}
}

// flush sends what has gathered as one frame of each kind.
func (s *session) flush() {
	if s == nil || !s.welcomed {
		return
	}
	if len(s.toAck) > 0 {
		s.send(&pb.SessionRequest{Frame: &pb.SessionRequest_Acks{Acks: &pb.Acks{Leases: s.toAck}}})
	}
	if len(s.toReport) > 0 {
		s.send(&pb.SessionRequest{Frame: &pb.SessionRequest_Results{Results: &pb.Results{Items: s.toReport}}})
	}
	if len(s.toCancelAck) > 0 {
		s.send(&pb.SessionRequest{Frame: &pb.SessionRequest_CancelAcks{CancelAcks: &pb.CancelAcks{Leases: s.toCancelAck}}})
	}
	s.toAck, s.toReport, s.toCancelAck = nil, nil, nil
}

// --- the frames of the server

func (w *worker) answer(response *pb.SessionResponse) {
	s := w.session
	s.heard = time.Now()
	switch frame := response.Frame.(type) {
	case *pb.SessionResponse_Welcome:
		w.welcome(frame.Welcome)
	case *pb.SessionResponse_Registered:
		s.registered, w.accepted = true, true
		log.Printf("serving %s", strings.Join(frame.Registered.Serves, ", "))
	case *pb.SessionResponse_Verdicts:
		for _, verdict := range frame.Verdicts.Items {
			log.Printf("%s %s: %s", verdict.Lease.ExecutionId, verdict.Lease.Path, verdict.Code)
			if verdict.Code != pb.VerdictCode_VERDICT_CODE_KEEP {
				w.stop(verdict.Lease, "the server gave it away", false)
			} else if step := w.held[keyOf(verdict.Lease)]; step != nil {
				step.expires = step.renewed.Add(w.lease())
			}
		}
	case *pb.SessionResponse_Assign:
		for _, assignment := range frame.Assign.Items {
			s.toAck = append(s.toAck, assignment.Lease)
			w.start(assignment)
		}
	case *pb.SessionResponse_Cancels:
		for _, cancel := range frame.Cancels.Items {
			w.stop(cancel.Lease, cancel.Reason, true)
		}
	case *pb.SessionResponse_Renewed:
		w.renewed(frame.Renewed.Items)
	case *pb.SessionResponse_ResultAcks:
		w.acked(frame.ResultAcks.Items)
	case *pb.SessionResponse_Ping:
		s.send(&pb.SessionRequest{Frame: &pb.SessionRequest_Pong{Pong: &pb.Pong{Nonce: frame.Ping.Nonce}}})
	case *pb.SessionResponse_Drained:
		log.Print("drained")
		s.drained = true
	case *pb.SessionResponse_GoAway:
		log.Printf("the server goes away: %s", frame.GoAway.Reason)
		s.reconnectAfter = seconds(frame.GoAway.ReconnectAfterSeconds)
		_ = s.stream.CloseSend() // it never fails on a stream that stands
	case *pb.SessionResponse_Error:
		log.Printf("the server refused a frame: %s (%s)", frame.Error.Message, frame.Error.Code)
		for _, problem := range frame.Error.Problems {
			log.Printf("  %s: %s", problem.Pointer, problem.Message)
		}
		if s.registered && !frame.Error.Fatal {
			return
		}
		// Who could register before comes back; a contract that never was accepted is for people to mend.
		s.refused = frame.Error.Fatal || !w.accepted
		s.cancel()
	}
}

func (w *worker) welcome(terms *pb.Welcome) {
	s := w.session
	w.terms, s.welcomed = terms, true
	log.Printf("welcome: session %s, epoch %d", terms.SessionId, terms.Epoch)
	s.send(&pb.SessionRequest{Frame: &pb.SessionRequest_Register{
		Register: &pb.Register{Steps: []*pb.StepContract{contract}},
	}})
	if len(w.held) > 0 {
		resume := &pb.Resume{}
		for _, step := range w.held {
			step.renewed = time.Now()
			resume.Held = append(resume.Held, step.lease)
		}
		s.send(&pb.SessionRequest{Frame: &pb.SessionRequest_Resume{Resume: resume}})
	}
	s.send(&pb.SessionRequest{Frame: &pb.SessionRequest_Ready{Ready: &pb.Ready{}}})
	credits := map[string]int32{"": slots}
	if w.draining {
		credits[""] = 0
	}
	s.send(&pb.SessionRequest{Frame: &pb.SessionRequest_Credits{Credits: &pb.Credits{Slots: credits}}})
	s.toReport = nil
	w.resend()
	if w.draining {
		s.flush()
		s.send(&pb.SessionRequest{Frame: &pb.SessionRequest_Drain{Drain: &pb.Drain{}}})
	}
}

func (w *worker) renewed(answers []*pb.LeaseAnswer) {
	for _, answer := range answers {
		step := w.held[keyOf(answer.Lease)]
		if step == nil {
			continue
		}
		if answer.Code == pb.LeaseCode_LEASE_CODE_OK {
			step.expires = step.renewed.Add(w.lease())
		} else if step.result == nil && answer.Code != pb.LeaseCode_LEASE_CODE_UNAVAILABLE {
			w.stop(answer.Lease, answer.Code.String(), false)
		}
	}
}

func (w *worker) acked(answers []*pb.LeaseAnswer) {
	for _, answer := range answers {
		lease := answer.Lease
		switch answer.Code {
		case pb.LeaseCode_LEASE_CODE_UNAVAILABLE: // not now: send it again
			time.AfterFunc(time.Second, func() { w.again <- struct{}{} })
		case pb.LeaseCode_LEASE_CODE_OK:
			delete(w.held, keyOf(lease))
			log.Printf("served %s %s", lease.ExecutionId, lease.Path)
		default:
			delete(w.held, keyOf(lease))
			log.Printf("%s %s: %s %s", lease.ExecutionId, lease.Path, answer.Code, answer.Message)
		}
	}
}

// --- one session after the other, until drained or refused

// run runs one session to its end and says why it ended. A connection of its own, so that no pause of gRPC adds to ours.
func (w *worker) run(target string) (*session, error) {
	ctx, cancel := context.WithCancel(contact.WithKey(context.Background()))
	defer cancel()
	s := &session{cancel: cancel, heard: time.Now()}
	connection, err := contact.Dial(target)
	if err != nil {
		return s, err
	}
	defer connection.Close()
	if s.stream, err = pb.NewWorkerServiceClient(connection).Session(ctx); err != nil {
		return s, err
	}
	s.send(&pb.SessionRequest{Frame: &pb.SessionRequest_Hello{Hello: &pb.Hello{
		ProtoMin: 1, ProtoMax: 1, WorkerId: w.id, Sdk: runtime.Version(), Capabilities: []string{"cancel"},
	}}})
	w.session = s
	defer func() { w.session = nil }()
	frames, ended := make(chan *pb.SessionResponse), make(chan error, 1)
	go func() { ended <- receive(ctx, s, frames) }()
	for {
		select {
		case frame := <-frames:
			w.answer(frame)
		case err := <-ended:
			return s, err
		case <-w.ticker.C:
			w.tick()
		case result := <-w.done:
			w.finished(result)
		case <-w.again:
			w.resend()
		case <-w.terminated:
			w.drain()
		}
		s.flush()
		// Drained is said of what we were given; we go when the last result is durable, too.
		if s.drained && len(w.held) == 0 {
			return s, nil
		}
	}
}

func receive(ctx context.Context, s *session, frames chan<- *pb.SessionResponse) error {
	for {
		frame, err := s.stream.Recv()
		if err != nil {
			return err
		}
		select {
		case frames <- frame:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (w *worker) drain() {
	log.Printf("draining, %d in flight", len(w.held))
	w.draining = true
	if s := w.session; s != nil && s.welcomed {
		s.flush()
		s.send(&pb.SessionRequest{Frame: &pb.SessionRequest_Drain{Drain: &pb.Drain{}}})
	}
}

// pause waits between two sessions; what is held goes on.
func (w *worker) pause(wait time.Duration) {
	for over := time.After(wait); ; {
		select {
		case <-over:
			return
		case result := <-w.done:
			w.finished(result)
		case <-w.ticker.C:
			w.tick()
		case <-w.terminated:
			w.drain()
			return
		}
	}
}

// isHopeless says that no other try mends it; Aborted: another process took this worker id.
func isHopeless(code codes.Code) bool {
	switch code {
	case codes.InvalidArgument, codes.Unauthenticated, codes.PermissionDenied, codes.FailedPrecondition,
		codes.Unimplemented, codes.Aborted:
		return true
	}
	return false
}

func (w *worker) serve(target string) int {
	for failures := 0; ; failures++ {
		s, err := w.run(target)
		if w.draining && len(w.held) == 0 {
			return 0
		}
		if s.refused || isHopeless(status.Code(err)) {
			log.Printf("giving up: %v", err)
			return 1
		}
		if s.registered {
			failures = 0
		}
		wait := s.reconnectAfter + contact.BackOff(failures)
		log.Printf("disconnected (%v), holding %d; again in %s", err, len(w.held), wait.Round(time.Millisecond))
		w.pause(wait)
	}
}

func main() {
	log.SetOutput(os.Stdout)
	log.SetFlags(0)
	log.SetPrefix("[go] ")
	host, err := os.Hostname()
	if err != nil {
		host = "unnamed"
	}
	w := &worker{
		id:         fmt.Sprintf("go-%s-%s", host, rand.Text()[:8]),
		held:       map[key]*step{},
		done:       make(chan *pb.Result),
		again:      make(chan struct{}, slots),
		terminated: make(chan os.Signal, 1),
		ticker:     time.NewTicker(time.Second),
	}
	signal.Notify(w.terminated, syscall.SIGTERM)
	os.Exit(w.serve(contact.Target(os.Args[1:])))
}
