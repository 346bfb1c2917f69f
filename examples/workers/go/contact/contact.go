// Package contact is what the worker and the caller share: the way to the server.
package contact

import (
	"context"
	"math/rand/v2"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
)

// Target is the address of the server: of the command line, else of the environment, else of a server on this machine.
func Target(arguments []string) string {
	if len(arguments) > 0 {
		return arguments[0]
	}
	if target := os.Getenv("WORKFLOW_ENGINE_TARGET"); target != "" {
		return target
	}
	return "localhost:50051"
}

// Dial opens a connection in plain text, as a server on this machine speaks; a server with TLS wants credentials.NewTLS.
func Dial(target string) (*grpc.ClientConn, error) {
	return grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
}

// WithKey adds the API key to what goes with a call, when there is one.
func WithKey(ctx context.Context) context.Context {
	if key := os.Getenv("WORKFLOW_ENGINE_API_KEY"); key != "" {
		return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+key)
	}
	return ctx
}

// BackOff grows with every failure in a row, jittered so that a thousand peers do not come back at once.
func BackOff(failures int) time.Duration {
	full := min(10*time.Second, 200*time.Millisecond<<min(failures, 10))
	return full/2 + rand.N(full/2)
}
