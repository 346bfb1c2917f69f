// Package workers holds a worker and a caller of the Workflow Engine, made from the protos alone.
package workers

//go:generate go run ./protoc ../../../protos workflowpb workflow-engine.example/workers/go/workflowpb
