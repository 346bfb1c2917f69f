// A caller of the Workflow Engine: validates a workflow, executes it, watches it to its end and prints what came out.
// Exit code 0 means that it completed.
//
//	caller [HOST:PORT] [DOCUMENT.json]
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"workflow-engine.example/workers/go/contact"
	pb "workflow-engine.example/workers/go/workflowpb"
)

// What runs when no document is given: one step, done by the worker beside this.
const hello = `{
  "workflow_config": {
    "name": "Hello from Go",
    "steps": [{"step_id": "sum", "step_type": "go.checksum", "input_mapping": {"text": "${input.text}"}}],
    "output": {"sha256": "${steps.sum.output.sha256}"}
  },
  "input_data": {"text": "Hello, Wide World!"}
}`

const deadline = 120 * time.Second

var isTerminal = map[string]bool{"execution_completed": true, "execution_failed": true, "execution_cancelled": true}

// repeated calls until the server is there. Only what is safe to repeat is called so.
func repeated[Request, Response any](
	ctx context.Context, call func(context.Context, Request, ...grpc.CallOption) (Response, error), request Request,
) (Response, error) {
	for failures := 0; ; failures++ {
		response, err := call(ctx, request)
		if status.Code(err) != codes.Unavailable || ctx.Err() != nil {
			return response, err
		}
		time.Sleep(contact.BackOff(failures))
	}
}

// watch prints every event once, in order, whatever happens to the connection.
func watch(ctx context.Context, client pb.WorkflowServiceClient, id string) error {
	var after int64
	for failures := 0; ; failures++ {
		seen, err := watchOnce(ctx, client, id, &after)
		if err == nil || status.Code(err) != codes.Unavailable || ctx.Err() != nil {
			return err
		}
		if seen {
			failures = 0
		}
		fmt.Println("the connection broke; watching on from", after)
		time.Sleep(contact.BackOff(failures))
	}
}

func watchOnce(ctx context.Context, client pb.WorkflowServiceClient, id string, after *int64) (seen bool, err error) {
	stream, err := client.Watch(ctx, &pb.WatchRequest{ExecutionId: id, After: *after})
	if err != nil {
		return false, err
	}
	for {
		response, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return seen, nil
		}
		if err != nil {
			return seen, err
		}
		for _, event := range response.Events {
			fmt.Println(event.Seq, event.Kind, event.Path)
			*after, seen = event.Seq, true
			if isTerminal[event.Kind] {
				return seen, nil
			}
		}
	}
}

// document is what Validate wants of a body: the workflow without the input data, if it stands in an envelope.
func document(body []byte) ([]byte, error) {
	var envelope struct {
		Config json.RawMessage `json:"workflow_config"`
	}
	err := json.Unmarshal(body, &envelope)
	if envelope.Config != nil {
		return envelope.Config, err
	}
	return body, err
}

func run(target string, body []byte) (string, error) {
	connection, err := contact.Dial(target)
	if err != nil {
		return "", err
	}
	defer connection.Close()
	client := pb.NewWorkflowServiceClient(connection)
	ctx, cancel := context.WithTimeout(contact.WithKey(context.Background()), deadline)
	defer cancel()

	workflow, err := document(body)
	if err != nil {
		return "", err
	}
	found, err := repeated(ctx, client.Validate, &pb.ValidateRequest{Document: workflow})
	if err != nil {
		return "", err
	}
	for _, problem := range found.Problems {
		fmt.Fprintf(os.Stderr, "%s: %s (%s)\n", problem.Pointer, problem.Message, problem.Code)
	}
	if !found.IsValid {
		return "invalid", nil
	}
	// With a key of its own, repeating it after a broken connection starts nothing twice.
	started, err := repeated(ctx, client.Execute, &pb.ExecuteRequest{Body: body, IdempotencyKey: rand.Text()})
	if err != nil {
		return "", err
	}
	fmt.Println("started", started.ExecutionId)
	if err := watch(ctx, client, started.ExecutionId); err != nil {
		return "", err
	}
	answer, err := repeated(ctx, client.GetResults, &pb.GetResultsRequest{ExecutionId: started.ExecutionId})
	if err != nil {
		return "", err
	}
	results := answer.Results
	for _, path := range slices.Sorted(maps.Keys(results.Steps)) {
		step := results.Steps[path]
		fmt.Printf("%s: %s %s\n", path, step.Status, step.Output)
	}
	fmt.Printf("watched %s to its end: %s %s\n", started.ExecutionId, results.Status, results.Output)
	return results.Status, nil
}

func main() {
	body := []byte(hello)
	if len(os.Args) > 2 {
		var err error
		if body, err = os.ReadFile(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	ended, err := run(contact.Target(os.Args[1:]), body)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if ended != "completed" {
		os.Exit(1)
	}
}
