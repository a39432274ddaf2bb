package io.ashlar.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** Reads generations to their end. */
final class Answers {
    /** What one choice gave. */
    static final class Answer {
        final StringBuilder text = new StringBuilder();
        final List<Integer> tokens = new ArrayList<>();
        final List<GenerationEvent.Logprobs> logprobs = new ArrayList<>();
        FinishReason reason;
    }

    private Answers() {}

    static Answer read(Generation generation) {
        return read(generation, 1).getFirst();
    }

    static List<Answer> read(Generation generation, int choices) {
        List<Answer> answers = new ArrayList<>();
        for (int i = 0; i < choices; i++) {
            answers.add(new Answer());
        }
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(150);
        int open = choices;
        while (open > 0) {
            GenerationEvent event = generation.poll();
            if (event == null) {
                if (System.nanoTime() > deadline) {
                    throw new AssertionError("the generation did not end in time: "
                            + generation.timeline().events());
                }
                // The engine may need the core.
                LockSupport.parkNanos(50_000);
                continue;
            }
            Answer answer = answers.get(event.choice());
            switch (event) {
                case GenerationEvent.Token t -> {
                    answer.text.append(t.text());
                    answer.tokens.add(t.token());
                    if (t.logprobs() != null) {
                        answer.logprobs.add(t.logprobs());
                    }
                }
                case GenerationEvent.Finished f -> {
                    answer.text.append(f.text());
                    answer.reason = f.reason();
                    open--;
                }
            }
        }
        return answers;
    }
}
