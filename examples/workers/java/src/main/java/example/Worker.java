package example;

import io.grpc.Status;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import workflow_engine.v1.Worker.*;
import workflow_engine.v1.WorkerServiceGrpc;

/**
 * A worker of the Workflow Engine. It dials out, says which step type it serves, and does the steps it is given.
 *
 * <pre>java -cp target/workers.jar example.Worker [HOST:PORT]</pre>
 */
public final class Worker {
    private static final int SLOTS = 8;
    /** What no other try mends; ABORTED: another process took this worker id. */
    private static final Set<Status.Code> HOPELESS = EnumSet.of(
            Status.Code.INVALID_ARGUMENT, Status.Code.UNAUTHENTICATED, Status.Code.PERMISSION_DENIED,
            Status.Code.FAILED_PRECONDITION, Status.Code.UNIMPLEMENTED, Status.Code.ABORTED);

    /** One hand-over; it is kept until the server says that its result is durable. Times are of the monotonic clock. */
    private static final class Step {
        final Lease lease;
        Thread work;
        double expires;
        double renewed;
        Result result;
        String stopping;
        boolean confirm;

        Step(Lease lease, double expires) {
            this.lease = lease;
            this.expires = expires;
        }
    }

    // Everything that follows is touched by this one thread only, so nothing needs a lock.
    final ScheduledExecutorService loop = Executors.newSingleThreadScheduledExecutor();
    private final CountDownLatch over = new CountDownLatch(1);
    private final String id = "java-" + UUID.randomUUID().toString().substring(0, 8);
    private final String target;
    /** What this process holds, on whichever stream. It outlives streams and servers. */
    private final Map<Lease, Step> held = new HashMap<>();
    private final List<Lease> acks = new ArrayList<>();
    private final List<Lease> cancelAcks = new ArrayList<>();
    private final List<Result> results = new ArrayList<>();
    private boolean flushing;
    private boolean draining;
    private int failures;
    /** Whether the contract was, in this life of the process. */
    private boolean accepted;
    /** The last Welcome; until then a guess of how long a silence may be. */
    private Welcome terms = Welcome.newBuilder().setDeadAfterSeconds(30).build();
    /** The one stream that stands. */
    private Session session;

    private Worker(String target) {
        this.target = target;
    }

    public static void main(String[] arguments) {
        Worker worker = new Worker(Contact.target(arguments));
        Runtime.getRuntime().addShutdownHook(new Thread(worker::drainAndHalt));
        worker.loop.scheduleAtFixedRate(worker::tick, 1, 1, TimeUnit.SECONDS);
        worker.loop.execute(worker::connect);
    }

    /** What SIGTERM does. A JVM would end with 143 whatever we did; this one did its work, and ends with 0. */
    private void drainAndHalt() {
        loop.execute(this::drain);
        try {
            over.await();
        } catch (InterruptedException error) {
            Runtime.getRuntime().halt(1);
        }
        Runtime.getRuntime().halt(0);
    }

    // --- the steps

    private void start(Assignment assignment) {
        Lease lease = assignment.getLease();
        if (held.containsKey(lease)) return;
        log("working on %s %s, attempt %d", lease.getExecutionId(), lease.getPath(), assignment.getAttempt());
        Step step = new Step(lease, now() + terms.getLeaseSeconds());
        held.put(lease, step);
        step.work = new Thread(() -> {
            Result result = null;
            try {
                result = WordCount.perform(assignment);
            } catch (InterruptedException stopped) {
                // It was asked to; `finished` tells the server.
            }
            Result made = result;
            loop.execute(() -> finished(step, made));
        });
        step.work.start();
    }

    private void finished(Step step, Result result) {
        if (step.stopping == null) {
            step.result = result;
            results.add(result);
        } else {
            log("stopped %s %s: %s", step.lease.getExecutionId(), step.lease.getPath(), step.stopping);
            held.remove(step.lease);
            if (step.confirm) cancelAcks.add(step.lease);
        }
        flushSoon();
    }

    /** Ends the work on a step; it is confirmed when the work has really ended. */
    private void stop(Lease lease, String reason, boolean confirm) {
        Step step = held.get(lease);
        if (step != null && step.result == null) {
            step.stopping = reason;
            step.confirm = confirm;
            step.work.interrupt();
            return;
        }
        held.remove(lease);
        if (confirm) cancelAcks.add(lease);
        flushSoon();
    }

    /** Once a second: renew in one batch, give up what expired, and leave a stream that has fallen silent. */
    private void tick() {
        Renew.Builder renew = Renew.newBuilder();
        for (Step step : List.copyOf(held.values())) {
            if (step.result == null && now() > step.expires) {
                stop(step.lease, "its lease ran out", false);
            } else if (now() > step.expires - terms.getLeaseSeconds() * 0.75 && now() > step.renewed + 1) {
                step.renewed = now();
                renew.addLeases(step.lease);
            }
        }
        if (session == null) return;
        if (session.welcomed && renew.getLeasesCount() > 0) session.send(frame().setRenew(renew));
        leaveIfDone();
        if (now() > session.heard + terms.getDeadAfterSeconds()) session.cancel("silent for too long");
    }

    private void drain() {
        log("draining, %d in flight", held.size());
        draining = true;
        if (session == null && held.isEmpty()) over.countDown(); // nobody waits for us
        if (session == null || !session.welcomed) return;
        flush();
        session.send(frame().setDrain(Drain.getDefaultInstance()));
    }

    // --- sending: what is said while one thing is done goes out as one frame of each kind

    private void flushSoon() {
        if (!flushing) loop.execute(this::flush);
        flushing = true;
    }

    /** Without a session nothing is lost: the next one begins with what is held and the results that were not acked. */
    private void flush() {
        flushing = false;
        if (session != null && session.welcomed) {
            if (!acks.isEmpty()) session.send(frame().setAcks(Acks.newBuilder().addAllLeases(acks)));
            if (!results.isEmpty()) session.send(frame().setResults(Results.newBuilder().addAllItems(results)));
            if (!cancelAcks.isEmpty()) {
                session.send(frame().setCancelAcks(CancelAcks.newBuilder().addAllLeases(cancelAcks)));
            }
        }
        acks.clear();
        results.clear();
        cancelAcks.clear();
    }

    private void resend() {
        results.clear();
        for (Step step : held.values()) if (step.result != null) results.add(step.result);
        flush();
    }

    // --- the frames of the server

    void answer(SessionResponse response) {
        session.heard = now();
        switch (response.getFrameCase()) {
            case WELCOME -> welcome(response.getWelcome());
            case REGISTERED -> {
                session.registered = accepted = true;
                failures = 0;
                log("serving %s", String.join(", ", response.getRegistered().getServesList()));
            }
            case VERDICTS -> response.getVerdicts().getItemsList().forEach(this::judged);
            case ASSIGN -> {
                for (Assignment assignment : response.getAssign().getItemsList()) {
                    acks.add(assignment.getLease());
                    start(assignment);
                }
                flushSoon();
            }
            case CANCELS -> {
                for (Cancel each : response.getCancels().getItemsList()) stop(each.getLease(), each.getReason(), true);
            }
            case RENEWED -> response.getRenewed().getItemsList().forEach(this::renewed);
            case RESULT_ACKS -> response.getResultAcks().getItemsList().forEach(this::acked);
            case PING -> session.send(frame().setPong(Pong.newBuilder().setNonce(response.getPing().getNonce())));
            case DRAINED -> {
                log("drained");
                session.drained = true;
            }
            case GO_AWAY -> {
                log("the server goes away: %s", response.getGoAway().getReason());
                double seconds = response.getGoAway().getReconnectAfterSeconds();
                session.reconnectAfter = Duration.ofMillis((long) (seconds * 1000));
                session.leave();
            }
            case ERROR -> {
                var error = response.getError();
                log("the server refused a frame: %s (%s)", error.getMessage(), error.getCode());
                error.getProblemsList().forEach(each -> log("  %s: %s", each.getPointer(), each.getMessage()));
                if (session.registered && !error.getFatal()) break;
                // Who could register before comes back; a contract that never was accepted is for people to mend.
                session.refused = error.getFatal() || !accepted;
                session.leave();
            }
            default -> {} // frames that we do not know are ignored
        }
        leaveIfDone();
    }

    /** Drained is said of what we were given; we go when the last result is durable, too. */
    private void leaveIfDone() {
        if (session.drained && held.isEmpty()) session.leave();
    }

    private void welcome(Welcome welcome) {
        terms = welcome;
        session.welcomed = true;
        log("welcome: session %s, epoch %d", welcome.getSessionId(), welcome.getEpoch());
        session.send(frame().setRegister(Register.newBuilder().addSteps(WordCount.CONTRACT)));
        for (Step step : held.values()) step.renewed = now();
        if (!held.isEmpty()) session.send(frame().setResume(Resume.newBuilder().addAllHeld(held.keySet())));
        session.send(frame().setReady(Ready.getDefaultInstance()));
        session.send(frame().setCredits(Credits.newBuilder().putSlots("", draining ? 0 : SLOTS)));
        resend();
        if (draining) session.send(frame().setDrain(Drain.getDefaultInstance()));
    }

    private void judged(Verdict verdict) {
        log("%s %s: %s", verdict.getLease().getExecutionId(), verdict.getLease().getPath(), verdict.getCode());
        Step step = held.get(verdict.getLease());
        if (verdict.getCode() != VerdictCode.VERDICT_CODE_KEEP) {
            stop(verdict.getLease(), "the server gave it away", false);
        } else if (step != null) {
            step.expires = step.renewed + terms.getLeaseSeconds();
        }
    }

    private void renewed(LeaseAnswer answer) {
        Step step = held.get(answer.getLease());
        if (step == null) return;
        if (answer.getCode() == LeaseCode.LEASE_CODE_OK) {
            step.expires = step.renewed + terms.getLeaseSeconds();
        } else if (step.result == null && answer.getCode() != LeaseCode.LEASE_CODE_UNAVAILABLE) {
            stop(step.lease, answer.getCode().name(), false);
        }
    }

    private void acked(LeaseAnswer answer) {
        if (answer.getCode() == LeaseCode.LEASE_CODE_UNAVAILABLE) {
            loop.schedule(this::resend, 1, TimeUnit.SECONDS);
            return;
        }
        held.remove(answer.getLease());
        boolean good = answer.getCode() == LeaseCode.LEASE_CODE_OK;
        String how = good ? "served" : answer.getCode() + " " + answer.getMessage();
        log("%s %s %s", how, answer.getLease().getExecutionId(), answer.getLease().getPath());
    }

    // --- one session after the other, until drained or refused

    private void connect() {
        if (draining && held.isEmpty()) {
            over.countDown();
            return;
        }
        session = new Session(this, target);
        WorkerServiceGrpc.newStub(session.channel).session(session);
        session.send(frame().setHello(Hello.newBuilder()
                .setProtoMin(1)
                .setProtoMax(1)
                .setWorkerId(id)
                .setSdk("java " + Runtime.version())
                .addCapabilities("cancel")));
    }

    void ended(Session last, Status status) {
        session = null;
        last.channel.shutdown();
        if (draining && held.isEmpty()) {
            over.countDown(); // the hook ends the process
            return;
        }
        if (last.refused || HOPELESS.contains(status.getCode())) {
            log("giving up: %s", said(status));
            Runtime.getRuntime().halt(1);
        }
        Duration wait = last.reconnectAfter.plus(Contact.backOff(failures++));
        log("disconnected (%s), holding %d; again in %d ms", said(status), held.size(), wait.toMillis());
        loop.schedule(this::connect, wait.toMillis(), TimeUnit.MILLISECONDS);
    }

    private static String said(Status status) {
        String why = status.getCause() == null ? "" : ": " + status.getCause().getMessage();
        return status.getCode() + " " + status.getDescription() + why;
    }

    private static SessionRequest.Builder frame() {
        return SessionRequest.newBuilder();
    }

    /** Seconds of the monotonic clock: a changed clock cannot prolong a lease. */
    static double now() {
        return System.nanoTime() / 1e9;
    }

    private static void log(String text, Object... values) {
        System.out.println("[java] " + String.format(text, values));
    }
}
