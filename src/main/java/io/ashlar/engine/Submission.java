package io.ashlar.engine;

import io.ashlar.compute.PageTable;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/** A request inside the engine: its sequences and when what happened. The engine's thread owns it. */
final class Submission {
    private final GenerationRequest request;
    private final Generation generation;
    private final long arrivalNanos;
    final List<Sequence> sequences = new ArrayList<>();
    long startedNanos = -1;
    long firstTokenNanos = -1;
    int cachedTokens;
    int live;
    /** When its reader's queue was first seen without room; -1 while there is room. */
    long stalledNanos = -1;

    boolean signalled;
    FinishReason reason = FinishReason.STOP;

    Submission(GenerationRequest request, Generation generation, long arrivalNanos) {
        this.request = request;
        this.generation = generation;
        this.arrivalNanos = arrivalNanos;
    }

    long arrivalNanos() {
        return arrivalNanos;
    }

    GenerationRequest request() {
        return request;
    }

    Generation generation() {
        return generation;
    }

    /** The first sequence computes the prompt; the others start from its pages. */
    void open(Supplier<PageTable> tables) {
        Sequence leader = null;
        for (int choice = 0; choice < request.choices(); choice++) {
            Sequence sequence = new Sequence(this, choice, leader, tables.get());
            sequences.add(sequence);
            if (leader == null) {
                leader = sequence;
            }
        }
        live = sequences.size();
    }

    GenerationUsage usage(long nowNanos) {
        return new GenerationUsage(
                request.prompt().length,
                cachedTokens,
                generation.completionTokens(),
                generation.timeline().preemptions(),
                (startedNanos < 0 ? nowNanos : startedNanos) - arrivalNanos,
                firstTokenNanos < 0 ? -1 : firstTokenNanos - arrivalNanos,
                nowNanos - arrivalNanos,
                reason);
    }
}
