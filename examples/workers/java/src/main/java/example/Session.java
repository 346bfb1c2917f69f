package example;

import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.time.Duration;
import workflow_engine.v1.Worker.SessionRequest;
import workflow_engine.v1.Worker.SessionResponse;

/**
 * A stream, and what is known of it. Whatever comes goes on to the worker's one thread. The channel is its own, so that
 * no pause of gRPC adds to ours.
 */
final class Session implements ClientResponseObserver<SessionRequest, SessionResponse> {
    private final Worker worker;
    final ManagedChannel channel;
    private ClientCallStreamObserver<SessionRequest> requests;
    double heard = Worker.now();
    boolean welcomed;
    boolean drained;
    boolean registered;
    boolean refused;
    private boolean leaving;
    Duration reconnectAfter = Duration.ZERO;

    Session(Worker worker, String target) {
        this.worker = worker;
        channel = Contact.channel(target);
    }

    void send(SessionRequest.Builder frame) {
        if (!leaving) requests.onNext(frame.build());
    }

    void leave() {
        if (!leaving) requests.onCompleted();
        leaving = true;
    }

    void cancel(String reason) {
        leaving = true;
        requests.cancel(reason, null);
    }

    @Override
    public void beforeStart(ClientCallStreamObserver<SessionRequest> stream) {
        requests = stream;
    }

    @Override
    public void onNext(SessionResponse response) {
        worker.loop.execute(() -> worker.answer(response));
    }

    @Override
    public void onError(Throwable error) {
        worker.loop.execute(() -> worker.ended(this, Status.fromThrowable(error)));
    }

    @Override
    public void onCompleted() {
        worker.loop.execute(() -> worker.ended(this, Status.OK));
    }
}
