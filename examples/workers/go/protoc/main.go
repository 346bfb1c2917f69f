// Makes the Go code of the protos with nothing but Go: the compiler is a library, and the two generators are tools that
// go.mod pins. `go generate` runs it; with `protoc` or `buf` installed, the same two generators do the same there.
package main

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/linker"
	"github.com/bufbuild/protocompile/protoutil"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

var generators = []string{"protoc-gen-go", "protoc-gen-go-grpc"}

func main() {
	if len(os.Args) != 4 {
		log.Fatal("usage: protoc PROTO_FOLDER TARGET_FOLDER GO_PACKAGE")
	}
	if err := generate(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		log.Fatal(err)
	}
}

func generate(protos, target, goPackage string) error {
	found, err := filepath.Glob(filepath.Join(protos, "workflow_engine", "v1", "*.proto"))
	if err != nil || len(found) == 0 {
		return fmt.Errorf("no protos in %s: %w", protos, err)
	}
	names := make([]string, len(found))
	// The protos belong to no language, so they do not name a Go package; we say which one holds their code.
	options := []string{"paths=source_relative"}
	for i, path := range found {
		relative, err := filepath.Rel(protos, path)
		if err != nil {
			return err
		}
		names[i] = filepath.ToSlash(relative)
		options = append(options, fmt.Sprintf("M%s=%s", names[i], goPackage))
	}
	compiler := protocompile.Compiler{
		Resolver:       &protocompile.SourceResolver{ImportPaths: []string{protos}},
		SourceInfoMode: protocompile.SourceInfoStandard, // so that the comments come along
	}
	files, err := compiler.Compile(context.Background(), names...)
	if err != nil {
		return err
	}
	request := &pluginpb.CodeGeneratorRequest{
		FileToGenerate: names,
		Parameter:      proto.String(strings.Join(options, ",")),
		ProtoFile:      inOrder(files),
	}
	for _, generator := range generators {
		if err := run(generator, request, target); err != nil {
			return fmt.Errorf("%s: %w", generator, err)
		}
	}
	return nil
}

// inOrder lists every file behind those that it imports, as generators want them.
func inOrder(files linker.Files) (ordered []*descriptorpb.FileDescriptorProto) {
	seen := map[string]bool{}
	var add func(file protoreflect.FileDescriptor)
	add = func(file protoreflect.FileDescriptor) {
		if seen[file.Path()] {
			return
		}
		seen[file.Path()] = true
		for i := range file.Imports().Len() {
			add(file.Imports().Get(i).FileDescriptor)
		}
		ordered = append(ordered, protoutil.ProtoFromFileDescriptor(file))
	}
	for _, file := range files {
		add(file)
	}
	return ordered
}

func run(generator string, request *pluginpb.CodeGeneratorRequest, target string) error {
	sent, err := proto.Marshal(request)
	if err != nil {
		return err
	}
	command := exec.Command("go", "tool", generator)
	command.Stdin, command.Stderr = bytes.NewReader(sent), os.Stderr
	received, err := command.Output()
	if err != nil {
		return err
	}
	var response pluginpb.CodeGeneratorResponse
	if err := proto.Unmarshal(received, &response); err != nil {
		return err
	}
	if response.Error != nil {
		return fmt.Errorf("%s", response.GetError())
	}
	for _, file := range response.File {
		path := filepath.Join(target, filepath.Base(file.GetName()))
		if err := os.MkdirAll(target, 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(file.GetContent()), 0o644); err != nil {
			return err
		}
	}
	return nil
}
