package example;

import com.google.gson.Gson;
import com.google.protobuf.ByteString;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import workflow_engine.v1.Registry.Effect;
import workflow_engine.v1.Registry.StepContract;
import workflow_engine.v1.Worker.Assignment;
import workflow_engine.v1.Worker.Failure;
import workflow_engine.v1.Worker.Payload;
import workflow_engine.v1.Worker.Result;

/** The step type: a contract and a function. This is the file to change. */
final class WordCount {
    static final StepContract CONTRACT = StepContract.newBuilder()
            .setName("java.wordcount")
            .setVersion("1.0.0")
            .setTitle("Words of a text")
            .setDescription("How many words a text has, and the longest of them.")
            .setInputSchema("""
                    {"type": "object", "properties": {"text": {"type": "string"}},
                     "required": ["text"], "additionalProperties": false}""")
            .setConfigSchema("""
                    {"type": "object", "additionalProperties": false,
                     "properties": {"delay_ms": {"type": "integer", "minimum": 0, "maximum": 60000}}}""")
            .setOutputSchema("""
                    {"type": "object", "required": ["words", "longest"], "additionalProperties": false,
                     "properties": {"words": {"type": "integer"}, "longest": {"type": "string"}}}""")
            .setEffect(Effect.EFFECT_PURE)
            .build();

    private static final Gson JSON = new Gson();

    private record Input(String text) {}

    private record Config(int delay_ms) {}

    private record Output(int words, String longest) {}

    private WordCount() {}

    /** An interrupt stops it. */
    private static Output count(Input input, Config config) throws InterruptedException {
        Thread.sleep(config.delay_ms()); // so that you can see what happens to a slow step
        List<String> words =
                Arrays.stream(input.text().split("\\P{L}+")).filter(word -> !word.isEmpty()).toList();
        String longest = words.stream().max(Comparator.comparing(String::length)).orElse("");
        return new Output(words.size(), longest);
    }

    /** The function from JSON to JSON; what it throws is a failure of the step. */
    static Result perform(Assignment assignment) throws InterruptedException {
        long begun = System.nanoTime();
        Result.Builder result = Result.newBuilder().setLease(assignment.getLease());
        try {
            Output output = count(read(assignment.getInput(), Input.class), read(assignment.getConfig(), Config.class));
            result.setOutput(Payload.newBuilder().setData(ByteString.copyFromUtf8(JSON.toJson(output))));
        } catch (RuntimeException error) {
            result.setFailure(Failure.newBuilder().setCode("wordcount-failed").setMessage(error.toString()));
        }
        return result.setDurationMs((System.nanoTime() - begun) / 1e6).build();
    }

    private static <T> T read(Payload payload, Class<T> type) {
        return JSON.fromJson(payload.getData().isEmpty() ? "{}" : payload.getData().toStringUtf8(), type);
    }
}
