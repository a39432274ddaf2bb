package io.ashlar.api.openai;

import io.ashlar.engine.Generation;
import io.ashlar.engine.GenerationEvent;
import java.util.concurrent.atomic.AtomicInteger;
import reactor.core.publisher.Flux;
import reactor.core.publisher.FluxSink;
import reactor.core.scheduler.Scheduler;

/**
 * A generation as a stream. It is read only as fast as the client takes it; what is not read stays in the generation's own
 * queue, whose fullness pauses its sequences. The engine's thread only hands over. A cancelled stream cancels the generation.
 */
final class AnswerEvents {
    private final Generation generation;
    private final FluxSink<GenerationEvent> sink;
    private final Scheduler.Worker worker;
    private final AtomicInteger signals = new AtomicInteger();
    private int open;

    private AnswerEvents(Generation generation, int choices, FluxSink<GenerationEvent> sink, Scheduler.Worker worker) {
        this.generation = generation;
        this.sink = sink;
        this.worker = worker;
        this.open = choices;
    }

    static Flux<GenerationEvent> of(Generation generation, int choices, Scheduler scheduler) {
        return Flux.create(sink -> {
            Scheduler.Worker worker = scheduler.createWorker();
            AnswerEvents events = new AnswerEvents(generation, choices, sink, worker);
            sink.onDispose(() -> {
                worker.dispose();
                if (!generation.ended().isDone()) {
                    generation.cancel();
                }
            });
            generation.onEvents(events::signal);
            sink.onRequest(n -> events.signal());
            events.signal();
        });
    }

    private void signal() {
        if (signals.getAndIncrement() == 0) {
            try {
                worker.schedule(this::drain);
            } catch (java.util.concurrent.RejectedExecutionException e) {
                // The stream is over; nobody reads any more.
            }
        }
    }

    private void drain() {
        int seen = signals.get();
        do {
            while (sink.requestedFromDownstream() > 0 && open > 0) {
                GenerationEvent event = generation.poll();
                if (event == null) {
                    break;
                }
                sink.next(event);
                if (event instanceof GenerationEvent.Finished && --open == 0) {
                    sink.complete();
                }
            }
            seen = signals.addAndGet(-seen);
        } while (seen != 0);
    }
}
