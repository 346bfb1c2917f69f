package example;

import com.google.gson.JsonElement;
import com.google.gson.JsonParser;
import com.google.protobuf.ByteString;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import workflow_engine.v1.Workflow.*;
import workflow_engine.v1.WorkflowServiceGrpc;
import workflow_engine.v1.WorkflowServiceGrpc.WorkflowServiceBlockingStub;

/**
 * A caller of the Workflow Engine: validates a workflow, executes it, watches it to its end and prints what came out.
 * Exit code 0 means that it completed.
 *
 * <pre>java -cp target/workers.jar example.Caller [HOST:PORT] [DOCUMENT.json]</pre>
 */
public final class Caller {
    private static final Set<String> TERMINAL =
            Set.of("execution_completed", "execution_failed", "execution_cancelled");
    private static final long DEADLINE_SECONDS = 120;

    /** What runs when no document is given: one step, done by the worker beside this. */
    private static final String HELLO = """
            {"workflow_config": {
               "name": "Hello from Java",
               "steps": [
                 {"step_id": "count", "step_type": "java.wordcount", "input_mapping": {"text": "${input.text}"}}],
               "output": {"words": "${steps.count.output.words}"}},
             "input_data": {"text": "Hello, Wide World!"}}""";

    private final WorkflowServiceBlockingStub service;

    private Caller(ManagedChannel channel) {
        service = WorkflowServiceGrpc.newBlockingStub(channel).withDeadlineAfter(DEADLINE_SECONDS, TimeUnit.SECONDS);
    }

    public static void main(String[] arguments) throws IOException, InterruptedException {
        String body = arguments.length > 1 ? Files.readString(Path.of(arguments[1])) : HELLO;
        ManagedChannel channel = Contact.channel(Contact.target(arguments));
        String status;
        try {
            status = new Caller(channel).run(body);
        } catch (StatusRuntimeException error) {
            status = error.getStatus().toString();
            System.err.println(status);
        }
        channel.shutdown();
        System.exit(status.equals("completed") ? 0 : 1);
    }

    private String run(String body) throws InterruptedException {
        ValidateResponse found = repeated(() -> service.validate(
                ValidateRequest.newBuilder().setDocument(ByteString.copyFromUtf8(document(body))).build()));
        found.getProblemsList().forEach(problem -> System.err.printf(
                "%s: %s (%s)%n", problem.getPointer(), problem.getMessage(), problem.getCode()));
        if (!found.getIsValid()) return "invalid";
        // With a key of its own, repeating it after a broken connection starts nothing twice.
        ExecuteRequest request = ExecuteRequest.newBuilder()
                .setBody(ByteString.copyFromUtf8(body))
                .setIdempotencyKey(UUID.randomUUID().toString())
                .build();
        String id = repeated(() -> service.execute(request)).getExecutionId();
        System.out.println("started " + id);
        watch(id);
        ExecutionResults results = repeated(
                () -> service.getResults(GetResultsRequest.newBuilder().setExecutionId(id).build())).getResults();
        new TreeMap<>(results.getStepsMap()).forEach((path, step) ->
                System.out.printf("%s: %s %s%n", path, step.getStatus(), step.getOutput().toStringUtf8()));
        System.out.printf(
                "watched %s to its end: %s %s%n", id, results.getStatus(), results.getOutput().toStringUtf8());
        return results.getStatus();
    }

    /** What Validate wants of a body: the workflow without the input data, if it stands in an envelope. */
    private static String document(String body) {
        JsonElement envelope = JsonParser.parseString(body).getAsJsonObject().get("workflow_config");
        return envelope == null ? body : envelope.toString();
    }

    /** Calls until the server is there. Only what is safe to repeat is called so. */
    private static <T> T repeated(Supplier<T> call) throws InterruptedException {
        for (int failures = 0; ; failures++) {
            try {
                return call.get();
            } catch (StatusRuntimeException error) {
                if (error.getStatus().getCode() != Status.Code.UNAVAILABLE) throw error;
                Thread.sleep(Contact.backOff(failures).toMillis());
            }
        }
    }

    /** Prints every event once, in order, whatever happens to the connection. */
    private void watch(String id) throws InterruptedException {
        long after = 0;
        for (int failures = 0; ; failures++) {
            try {
                Iterator<WatchResponse> responses = service.watch(
                        WatchRequest.newBuilder().setExecutionId(id).setAfter(after).build());
                while (responses.hasNext()) {
                    failures = 0;
                    for (Event event : responses.next().getEventsList()) {
                        System.out.printf("%d %s %s%n", event.getSeq(), event.getKind(), event.getPath());
                        after = event.getSeq();
                        if (TERMINAL.contains(event.getKind())) return;
                    }
                }
            } catch (StatusRuntimeException error) {
                if (error.getStatus().getCode() != Status.Code.UNAVAILABLE) throw error;
                System.out.println("the connection broke; watching on from " + after);
                Thread.sleep(Contact.backOff(failures).toMillis());
            }
        }
    }
}
