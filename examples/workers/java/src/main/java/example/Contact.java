package example;

import io.grpc.ClientInterceptor;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Metadata;
import io.grpc.stub.MetadataUtils;
import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;

/** What the worker and the caller share: the way to the server. */
final class Contact {
    private Contact() {}

    /** The address of the server: of the command line, else of the environment, else of a server on this machine. */
    static String target(String[] arguments) {
        if (arguments.length > 0) return arguments[0];
        String named = System.getenv("WORKFLOW_ENGINE_TARGET");
        return named == null ? "localhost:50051" : named;
    }

    /** Plain text, as a server on this machine speaks; a server with TLS wants `useTransportSecurity`. */
    static ManagedChannel channel(String target) {
        return ManagedChannelBuilder.forTarget(target).usePlaintext().intercept(key()).build();
    }

    /** Adds the API key to what goes with every call, when there is one. */
    private static ClientInterceptor key() {
        Metadata sent = new Metadata();
        String key = System.getenv("WORKFLOW_ENGINE_API_KEY");
        if (key != null && !key.isEmpty()) {
            sent.put(Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER), "Bearer " + key);
        }
        return MetadataUtils.newAttachHeadersInterceptor(sent);
    }

    /** Grows with every failure in a row, jittered so that a thousand peers do not come back at once. */
    static Duration backOff(int failures) {
        long full = Math.min(10_000, 200L << Math.min(failures, 10));
        return Duration.ofMillis(full / 2 + ThreadLocalRandom.current().nextLong(full / 2));
    }
}
