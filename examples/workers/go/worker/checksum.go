package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"
	"unicode/utf8"

	pb "workflow-engine.example/workers/go/workflowpb"
)

// The step type: a contract and a function. This is the file to change.

var contract = &pb.StepContract{
	Name:        "go.checksum",
	Version:     "1.0.0",
	Title:       "SHA-256 of a text",
	Description: "The SHA-256 of a text in UTF-8, and how many characters it has.",
	InputSchema: `{"type": "object", "properties": {"text": {"type": "string"}},
		"required": ["text"], "additionalProperties": false}`,
	ConfigSchema: `{"type": "object", "properties": {"delay_ms": {"type": "integer", "minimum": 0, "maximum": 60000}},
		"additionalProperties": false}`,
	OutputSchema: `{"type": "object", "properties": {"sha256": {"type": "string"}, "length": {"type": "integer"}},
		"required": ["sha256", "length"], "additionalProperties": false}`,
	Effect: pb.Effect_EFFECT_PURE,
}

const slots = 8

type input struct {
	Text string `json:"text"`
}

type config struct {
	DelayMs int `json:"delay_ms"`
}

type output struct {
	SHA256 string `json:"sha256"`
	Length int    `json:"length"`
}

func checksum(ctx context.Context, in input, conf config) (output, error) {
	select { // so that you can see what happens to a slow step
	case <-time.After(time.Duration(conf.DelayMs) * time.Millisecond):
	case <-ctx.Done():
		return output{}, ctx.Err()
	}
	sum := sha256.Sum256([]byte(in.Text))
	return output{hex.EncodeToString(sum[:]), utf8.RuneCountInString(in.Text)}, nil
}

// perform is the function from JSON to JSON; an input that cannot be read is a failure that no retry mends.
func perform(ctx context.Context, assignment *pb.Assignment) *pb.Result {
	begun := time.Now()
	result := &pb.Result{Lease: assignment.Lease}
	var in input
	var conf config
	var out output
	err := read(assignment.GetInput(), &in)
	if err == nil {
		err = read(assignment.GetConfig(), &conf)
	}
	if err == nil {
		out, err = checksum(ctx, in, conf)
	}
	var data []byte
	if err == nil {
		data, err = json.Marshal(out)
	}
	if err == nil {
		result.Outcome = &pb.Result_Output{Output: &pb.Payload{Data: data}}
	} else {
		result.Outcome = &pb.Result_Failure{Failure: &pb.Failure{Code: "checksum-failed", Message: err.Error()}}
	}
	result.DurationMs = float64(time.Since(begun)) / float64(time.Millisecond)
	return result
}

func read(payload *pb.Payload, into any) error {
	if len(payload.GetData()) == 0 {
		return nil
	}
	return json.Unmarshal(payload.Data, into)
}
