package io.ashlar.engine;

import io.ashlar.compute.Device;
import io.ashlar.compute.Kernels;
import io.ashlar.model.ModelConfig;
import io.ashlar.scheduler.Account;
import io.ashlar.scheduler.Backlog;
import io.ashlar.scheduler.CostModel;
import io.ashlar.scheduler.Decisions;
import io.ashlar.scheduler.Policy;
import io.ashlar.scheduler.Scheduler;
import io.ashlar.scheduler.StepPlan;
import io.ashlar.scheduler.Terms;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;
import org.jctools.queues.MpscUnboundedArrayQueue;
import org.jspecify.annotations.Nullable;

/**
 * What runs chains on one device: one step loop, one page pool, all the models placed there. Its own thread owns all its
 * state; submissions and cancellations enter by a queue, tokens leave by one queue per request.
 */
public final class Engine implements GenerationSource, AutoCloseable {
    private static final System.Logger LOG = System.getLogger(Engine.class.getName());
    private static final long SLAB_BYTES = 2L << 20;
    private static final long STALL_CHECK_NANOS = 100_000_000;
    private static final long BACKLOG_NANOS = 50_000_000;

    private final Device device;
    private final EngineOptions options;
    private final LongSupplier nanoClock;
    private final PagePool pool;
    private final PrefixCache cache = new PrefixCache();
    private final SequencePages pages;
    private final ChainWalk walk;
    /** One is filled while the other's step is under way. */
    private final StepRows[] rows;

    private final CostModel cost = new CostModel();
    private final StepMeter meter = new StepMeter(cost);
    private final Mover mover;
    private final Scheduler<Sequence> scheduler;
    private final Sampler sampler = new Sampler();
    private final Set<Sequence> sequences = new HashSet<>();
    private final Set<Chain> placed = new LinkedHashSet<>();
    private final List<Submission> touched = new ArrayList<>();
    private final MpscUnboundedArrayQueue<Runnable> inbox = new MpscUnboundedArrayQueue<>(256);
    private final AtomicInteger held = new AtomicInteger();
    private final Thread thread;
    private float[] logits = new float[0];
    private volatile boolean idle;
    private volatile boolean closing;
    /** Nobody reads the inbox any more. */
    private volatile boolean ended;

    /** What was promised, for the threads that let requests in. */
    private volatile Backlog backlog = Backlog.none();

    private volatile Map<String, Double> counters = Map.of();
    private final AtomicLong shed = new AtomicLong();
    private long lastBacklog;
    private volatile EngineMetrics metrics = EngineMetrics.ZERO;
    private Kernels.@Nullable Submitted underWay;
    private long lastStallCheck;
    private long steps;
    private long promptTokens;
    private long completionTokens;

    /** @param nanoClock monotonic nanoseconds, as {@link System#nanoTime} gives them */
    public Engine(Device device, EngineOptions options, LongSupplier nanoClock) {
        this.device = device;
        this.options = options;
        this.nanoClock = nanoClock;
        this.pool = new PagePool(device, options.pageBytes(), SLAB_BYTES);
        this.mover = new Mover(device, pool.memory(), sequence -> enter(() -> moved(sequence)));
        this.pages = new SequencePages(device, pool, cache, options.pageType(), mover, options.hostPageBytes());
        this.walk = new ChainWalk(device, pool, options.pageType());
        this.rows = new StepRows[] {new StepRows(device), new StepRows(device)};
        this.scheduler = new Scheduler<>(options.limits(), options.preemption(), cost, this::decided, options.policy());
        this.metrics = look();
        this.thread = Thread.ofPlatform().name("engine-" + device.name()).unstarted(this::loop);
    }

    public void start() {
        LOG.log(System.Logger.Level.INFO, "{0} computes with {1}", device.name(), device.describe());
        thread.start();
    }

    public String deviceName() {
        return device.name();
    }

    /** The longest sequence that could ever run here, in tokens; bounded by pages and by the chain's own context. */
    public int longestSequence(Chain chain) {
        return longestSequence(chain.config(), chain.contextLength());
    }

    /** The same for a model that need not be loaded. */
    public int longestSequence(ModelConfig config, int contextLength) {
        return (int) Math.min(contextLength, pages.capacityTokens(config));
    }

    /**
     * Starts a generation. The caller has checked that the prompt is not empty, that its ids are in the vocabulary, and that
     * prompt and answer fit in {@link #longestSequence}.
     *
     * @throws EngineBusyException if the engine holds all the requests it may, or is closing
     * @throws OverloadedException if what its class was promised could not be kept
     */
    public Generation submit(GenerationRequest request) {
        check(request);
        askBacklog(request);
        long now = nanoClock.getAsLong();
        Generation generation = new Generation(this, now);
        if (held.incrementAndGet() > options.maxQueued()) {
            held.decrementAndGet();
            throw new EngineBusyException("the engine already holds " + options.maxQueued() + " requests");
        }
        if (closing) {
            held.decrementAndGet();
            throw new EngineBusyException("the engine is closing");
        }
        Submission submission = new Submission(request, generation, now);
        generation.ended().whenComplete((usage, failure) -> held.decrementAndGet());
        enter(() -> admit(submission));
        return generation;
    }

    private void askBacklog(GenerationRequest request) {
        Terms terms = request.terms();
        for (int choice = 0; choice < request.choices(); choice++) {
            // The answers after the first start from the first one's prompt.
            int prompt = choice == 0 ? request.prompt().length : 1;
            long wait = backlog.enter(terms, prompt, request.maxTokens());
            if (wait > 0) {
                shed.incrementAndGet();
                throw new OverloadedException(
                        "more requests of the service class '"
                                + terms.serviceClass().name() + "' have come than can be served as it promises",
                        Duration.ofNanos(wait));
            }
        }
    }

    /** Orders a deployment's requests by another policy from now on; those that run go on as they are. */
    public void use(String deployment, Policy.Kind policy) {
        enter(() -> scheduler.use(deployment, policy));
    }

    /** Orders them by the policy of all that none was chosen for. */
    public void useUsual(String deployment) {
        enter(() -> scheduler.useUsual(deployment));
    }

    /** What steps cost, as measured so far: a copy. Any thread may ask; a step may have been learned meanwhile. */
    public CostModel cost() {
        return cost.copy();
    }

    /** By tenant with requests here: its virtual token counter, above the lowest. */
    public Map<String, Double> counters() {
        return counters;
    }

    private void check(GenerationRequest request) {
        int longest = longestSequence(request.chain());
        int length = request.prompt().length;
        if (length == 0 || request.maxTokens() < 1 || (long) length + request.maxTokens() > longest) {
            throw new IllegalArgumentException("a prompt of " + length + " tokens and an answer of "
                    + request.maxTokens() + " do not fit in " + longest);
        }
        for (int token : request.prompt()) {
            if (token < 0 || token >= request.chain().config().vocabularySize()) {
                throw new IllegalArgumentException("token " + token + " is not in the vocabulary");
            }
        }
    }

    @Override
    public void cancel(Generation generation) {
        enter(() -> {
            for (Sequence sequence : List.copyOf(sequences)) {
                if (sequence.submission.generation() == generation) {
                    end(sequence, "", FinishReason.CANCELLED);
                }
            }
        });
    }

    /**
     * Tells of a chain that requests may come for: the buffers of its steps are made, so that none is while they run, and it
     * and those it shares blocks with find each other's prefixes.
     *
     * @return completed when it is done; exceptionally, with nothing changed, if the device has no memory for it
     */
    public CompletableFuture<Void> place(Chain chain) {
        CompletableFuture<Void> done = new CompletableFuture<>();
        enter(() -> {
            try {
                walk.makeRoom(chain, options.limits());
                placed.add(chain);
                replace();
                done.complete(null);
            } catch (RuntimeException e) {
                done.completeExceptionally(e);
            }
        });
        if (ended) {
            done.completeExceptionally(new EngineBusyException("the engine is closing"));
        }
        return done;
    }

    /** Rows that counted on a trunk are computed from the first layer; their bits are the same. */
    private void replace() {
        pages.place(placed);
        walk.place(pages::trunk);
        for (Sequence sequence : sequences) {
            sequence.trunkComputed = 0;
            sequence.trunk = Trunk.NONE;
        }
    }

    /** Forgets the cached prefixes of a chain that is about to be released. */
    public void forget(Chain chain) {
        enter(() -> {
            cache.forget(chain.identity());
            walk.forget(chain);
            if (placed.remove(chain)) {
                replace();
            }
        });
    }

    private void enter(Runnable message) {
        inbox.add(message);
        wake();
    }

    @Override
    public void wake() {
        if (idle) {
            LockSupport.unpark(thread);
        }
    }

    public EngineMetrics metrics() {
        return metrics;
    }

    private void loop() {
        device.adoptThread();
        while (!closing || !sequences.isEmpty() || !inbox.isEmpty()) {
            try {
                step();
            } catch (RuntimeException | Error e) {
                LOG.log(System.Logger.Level.ERROR, "a step failed; its requests end with an error", e);
                underWay = null;
                device.kernels().discard();
                failAll();
            }
        }
        mover.close();
        ended = true;
        inbox.drain(Runnable::run);
        device.kernels().finish();
        for (StepRows one : rows) {
            one.close();
        }
        walk.close();
        pool.close();
    }

    /**
     * One pass of the loop. Runs on the engine's own thread, which owns everything it touches.
     *
     * <p>Where the device runs ahead, the next step is planned and given to it while this one is under way: a sequence goes on
     * from a token that only the device knows yet. What was chosen is looked at afterwards; a sequence that turns out to have
     * ended leaves one row that nobody reads.
     */
    private void step() {
        inbox.drain(Runnable::run);
        cancelStalled();
        long now = nanoClock.getAsLong();
        StepPlan<Sequence> plan = scheduler.plan(now, pages);
        lookAhead(now);
        if (underWay == null) {
            mover.begin();
        }
        if (plan.isEmpty() && underWay == null) {
            deliver();
            metrics = look();
            meter.idle();
            await();
            return;
        }
        StepRows before = rows[(int) (steps % 2)];
        Kernels.Submitted started = null;
        StepRows next = rows[(int) ((steps + 1) % 2)];
        if (!plan.isEmpty()) {
            next.fill(plan);
            markStarted(plan);
            meter.begin(steps + 1, plan, now);
            started = walk.start(next, before);
            advance(plan);
            steps++;
        }
        if (underWay != null) {
            settle(underWay, before);
            meter.end(plan.isEmpty() ? steps : steps - 1, nanoClock.getAsLong());
            mover.begin();
        }
        if (started != null) {
            awaitTokens(next);
        }
        underWay = started;
        if (started != null && !mayRunAhead(next)) {
            settle(started, next);
            meter.end(steps, nanoClock.getAsLong());
            underWay = null;
        }
        deliver();
        metrics = look();
    }

    /** Whether the next step can be planned without knowing what this one chooses. */
    private boolean mayRunAhead(StepRows of) {
        if (!device.kernels().runsAhead()) {
            return false;
        }
        for (int row = 0; row < of.sampledCount(); row++) {
            Sequence sequence = of.sampled(row);
            // Penalties count the tokens so far.
            if (!of.choosesOnDevice(sequence) || sequence.sampling.penalises()) {
                return false;
            }
        }
        return true;
    }

    /** Waits for a step and gives out what it chose. */
    private void settle(Kernels.Submitted step, StepRows of) {
        step.await();
        for (int row = 0; row < of.sampledCount(); row++) {
            Sequence sequence = of.sampled(row);
            if (!sequence.ended) {
                accept(sequence, choice(of, row, sequence));
            }
        }
    }

    private Sampler.Choice choice(StepRows of, int row, Sequence sequence) {
        if (of.choosesOnDevice(sequence)) {
            return Sampler.Choice.plain(of.best().get(row));
        }
        int vocabulary = sequence.chain.config().vocabularySize();
        if (logits.length < vocabulary) {
            logits = new float[vocabulary];
        }
        walk.logits(row, logits, vocabulary);
        return sampler.choose(
                logits,
                vocabulary,
                sequence.sampling,
                sequence.tokens,
                sequence.promptLength(),
                sequence.knownLength());
    }

    /** Readers that do not come back must not keep pages for ever. Looked at ten times a second. */
    private void cancelStalled() {
        long now = nanoClock.getAsLong();
        if (now - lastStallCheck < STALL_CHECK_NANOS) {
            return;
        }
        lastStallCheck = now;
        for (Sequence sequence : List.copyOf(sequences)) {
            Submission submission = sequence.submission;
            if (submission.generation().hasRoom(submission.request().choices())) {
                submission.stalledNanos = -1;
            } else if (submission.stalledNanos < 0) {
                submission.stalledNanos = now;
            } else if (now - submission.stalledNanos > options.stallLimit().toNanos()) {
                end(sequence, "", FinishReason.CANCELLED);
            }
        }
    }

    /** Twenty times a second: what has been promised. */
    private void lookAhead(long now) {
        if (now - lastBacklog < BACKLOG_NANOS) {
            return;
        }
        lastBacklog = now;
        backlog = scheduler.backlog(now, pages);
        Map<String, Double> seen = new HashMap<>();
        for (Account account : scheduler.accounts().active()) {
            seen.put(account.tenant(), scheduler.accounts().ahead(account));
        }
        counters = Map.copyOf(seen);
    }

    /** A sequence's pages have arrived where they were going. */
    private void moved(Sequence sequence) {
        PageMove move = sequence.move;
        if (move == null) {
            return;
        }
        pages.moved(sequence);
        if (sequence.ended) {
            return;
        }
        if (move.failed) {
            scheduler.lost(sequence);
        } else if (move.isOut()) {
            scheduler.movedOut(sequence);
        } else {
            scheduler.movedIn(sequence);
        }
    }

    private void decided(Sequence sequence, Decisions.What what, Decisions.Why why) {
        tell(sequence, Timeline.What.valueOf(what.name()), why);
    }

    private void tell(Sequence sequence, Timeline.What what, Decisions.@Nullable Why why) {
        Timeline timeline = sequence.submission.generation().timeline();
        timeline.add(nanoClock.getAsLong(), what, sequence.choice, sequence.made(), why);
    }

    private void await() {
        idle = true;
        // Looked at again after announcing the nap: a message that came in between is seen here or unparks us.
        if (inbox.isEmpty() && !closing) {
            LockSupport.parkNanos(this, 50_000_000);
        }
        idle = false;
    }

    private void admit(Submission submission) {
        Chain chain = submission.request().chain();
        submission.open(() -> device.pageTable(pool.memory(), chain.config().layers()));
        for (Sequence sequence : submission.sequences) {
            sequences.add(sequence);
            scheduler.add(sequence, nanoClock.getAsLong());
            tell(sequence, Timeline.What.QUEUED, null);
        }
    }

    private void markStarted(StepPlan<Sequence> plan) {
        long now = nanoClock.getAsLong();
        for (int i = 0; i < plan.size(); i++) {
            Submission submission = plan.job(i).submission;
            if (submission.startedNanos < 0) {
                submission.startedNanos = now;
            }
        }
    }

    /** What is so as soon as the step has been given to the device. */
    private void advance(StepPlan<Sequence> plan) {
        for (int i = 0; i < plan.size(); i++) {
            Sequence sequence = plan.job(i);
            int tokens = plan.tokens(i);
            sequence.computed += tokens;
            if (sequence.pending() == 0) {
                sequence.prefilled = true;
            }
            if (tokens > 1) {
                promptTokens += tokens;
            }
            pages.publish(sequence);
        }
    }

    private static void awaitTokens(StepRows of) {
        for (int row = 0; row < of.sampledCount(); row++) {
            Sequence sequence = of.sampled(row);
            if (!sequence.ended) {
                sequence.await(row);
            }
        }
    }

    /** Takes a token, gives out the text that it completes, and ends the sequence where it has to end. */
    private void accept(Sequence sequence, Sampler.Choice choice) {
        Submission submission = sequence.submission;
        GenerationRequest request = submission.request();
        if (submission.firstTokenNanos < 0) {
            submission.firstTokenNanos = nanoClock.getAsLong();
        }
        completionTokens++;
        submission.generation().countToken();
        sequence.arrive(choice.token());
        if (sequence.made() == 1) {
            tell(sequence, Timeline.What.PREFILLED, null);
        }
        if (request.endTokens().contains(choice.token())) {
            end(sequence, heldText(sequence), FinishReason.STOP);
            return;
        }
        String text = sequence.stops.add(sequence.detokenizer.add(choice.token()));
        boolean full = sequence.answerLength() >= request.maxTokens();
        GenerationEvent.Logprobs logprobs = sequence.sampling.logprobs() < 0
                ? null
                : new GenerationEvent.Logprobs(choice.logprob(), choice.topTokens(), choice.topLogprobs());
        emit(submission, new GenerationEvent.Token(sequence.choice, choice.token(), text, logprobs));
        if (sequence.stops.stopped()) {
            end(sequence, "", FinishReason.STOP);
        } else if (full) {
            String rest = heldText(sequence);
            end(sequence, rest, sequence.stops.stopped() ? FinishReason.STOP : FinishReason.LENGTH);
        }
    }

    private static String heldText(Sequence sequence) {
        return sequence.stops.add(sequence.detokenizer.end()) + sequence.stops.end();
    }

    private void end(Sequence sequence, String text, FinishReason reason) {
        sequence.ended = true;
        scheduler.remove(sequence);
        pages.end(sequence);
        sequence.table.close();
        sequences.remove(sequence);
        Submission submission = sequence.submission;
        if (reason != FinishReason.STOP) {
            submission.reason = reason;
        }
        tell(sequence, Timeline.What.ENDED, null);
        emit(submission, new GenerationEvent.Finished(sequence.choice, text, reason));
        if (--submission.live == 0) {
            submission.generation().end(submission.usage(nanoClock.getAsLong()));
        }
    }

    private void emit(Submission submission, GenerationEvent event) {
        submission.generation().emit(event);
        if (!submission.signalled) {
            submission.signalled = true;
            touched.add(submission);
        }
    }

    /** Tells each reader once that its queue has something new. */
    private void deliver() {
        for (Submission submission : touched) {
            submission.signalled = false;
            submission.generation().signal();
        }
        touched.clear();
    }

    private void failAll() {
        for (Sequence sequence : List.copyOf(sequences)) {
            try {
                end(sequence, "", FinishReason.FAILED);
            } catch (RuntimeException e) {
                sequences.remove(sequence);
                LOG.log(System.Logger.Level.ERROR, "a failed request could not be ended cleanly", e);
            }
        }
        deliver();
    }

    private EngineMetrics look() {
        return new EngineMetrics(
                steps,
                promptTokens,
                completionTokens,
                scheduler.preemptions(),
                pages.movedOut(),
                pages.movedIn(),
                pages.hostBytesUsed(),
                shed.get(),
                cost.error(),
                scheduler.running(),
                scheduler.waiting(),
                pool.usedBytes(),
                pool.bytes(),
                cache.size(),
                walk.blockPasses(),
                walk.chainPasses(),
                pages.trunkTokens(),
                meter.busyNanos());
    }

    /** Ends what still runs, and the loop. */
    @Override
    public void close() {
        closing = true;
        enter(() -> {
            for (Sequence sequence : List.copyOf(sequences)) {
                end(sequence, "", FinishReason.CANCELLED);
            }
        });
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
