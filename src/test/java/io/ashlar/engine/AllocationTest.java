package io.ashlar.engine;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.ashlar.compute.cpu.CpuDevice;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the engine's thread allocates for a token: the event that its reader gets and the token's text, nothing for the step. */
class AllocationTest {
    private static final int SEQUENCES = 16;
    /**
     * An event, its text, a page's bookkeeping for every sixteenth token, the request's timeline, and what is looked at twenty
     * times a second, which is more per token on a slow machine.
     */
    private static final long BYTES_PER_TOKEN = 512;

    @TempDir
    Path root;

    @Test
    void a_step_allocates_no_more_than_the_tokens_that_leave_it() throws Exception {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        try (CpuDevice device = new CpuDevice(2)) {
            DemoModels models = new DemoModels(root, device);
            try (Engine engine = new Engine(device, DemoModels.options(256, 64, 64 << 20), System::nanoTime)) {
                engine.start();
                long id = Thread.getAllStackTraces().keySet().stream()
                        .filter(t -> t.getName().equals("engine-cpu"))
                        .mapToLong(Thread::threadId)
                        .max()
                        .orElseThrow();
                run(engine, models);
                run(engine, models);
                long before = threads.getThreadAllocatedBytes(id);
                long tokens = run(engine, models);
                long bytes = threads.getThreadAllocatedBytes(id) - before;
                assertThat(tokens).isGreaterThan(SEQUENCES * 200);
                // Admission and prompts included: those are per request, not per token.
                assertThat(bytes / tokens).as("bytes per token").isLessThan(BYTES_PER_TOKEN);
            }
        }
    }

    private static long run(Engine engine, DemoModels models) throws Exception {
        SamplingOptions endless = new SamplingOptions(
                0, 1, 0, 0, 1, 0, 0, java.util.Map.of(1535, -100f, 1534, -100f, 1533, -100f), 0, -1);
        List<Generation> running = new ArrayList<>();
        for (int i = 0; i < SEQUENCES; i++) {
            String model = i % 2 == 0 ? "demo-base" : "demo-brief";
            running.add(engine.submit(
                    models.request(model, models.prompt("Tell me a story about an owl."), 400, endless, List.of(), 1)));
        }
        long tokens = 0;
        boolean open = true;
        while (open) {
            open = false;
            for (Generation generation : running) {
                while (generation.poll() != null) {
                    // read, so that nothing pauses
                }
                open |= !generation.ended().isDone();
            }
            Thread.sleep(1);
        }
        for (Generation generation : running) {
            tokens += generation.completionTokens();
        }
        return tokens;
    }
}
