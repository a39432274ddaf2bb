package io.ashlar.compute.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectMethod;

import io.ashlar.compute.KernelsTest;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;
import org.junit.platform.launcher.listeners.SummaryGeneratingListener;

/**
 * The way through JCuda to the driver: other tests once more, in a process of their own whose {@code libcuda.so.1} is
 * {@code src/test/cuda/driver.cpp}.
 */
class NvidiaDriverTest {
    @TempDir
    Path folder;

    /** What the process runs. */
    public static final class Run {
        public static void main(String[] names) throws ClassNotFoundException {
            var request = LauncherDiscoveryRequestBuilder.request();
            for (String name : names) {
                request.selectors(name.contains("#") ? selectMethod(name) : selectClass(Class.forName(name)));
            }
            SummaryGeneratingListener listener = new SummaryGeneratingListener();
            LauncherFactory.create().execute(request.build(), listener);
            var summary = listener.getSummary();
            summary.printFailuresTo(new PrintWriter(System.out), 20);
            System.out.println(summary.getTestsSucceededCount() + " passed on "
                    + NvidiaDriver.load().gpus());
            System.exit(summary.getTotalFailureCount() == 0 ? 0 : 1);
        }
    }

    @Test
    @EnabledOnOs(value = OS.LINUX, architectures = "amd64")
    void the_kernels_and_the_engine_run_through_jcuda() throws Exception {
        Path output = folder.resolve("output");
        ProcessBuilder process = new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules=jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-Dashlar.test.device=cuda",
                "-cp",
                System.getProperty("java.class.path"),
                Run.class.getName(),
                KernelsTest.class.getName(),
                "io.ashlar.engine.CudaEngineTest#all_models_in_one_batch_give_the_golden_answers",
                "io.ashlar.engine.CudaEngineTest#decode_steps_of_one_size_run_as_graphs");
        process.environment()
                .put("LD_LIBRARY_PATH", EmulatedGpu.build().toAbsolutePath().toString());
        process.redirectErrorStream(true).redirectOutput(output.toFile());
        Process running = process.start();
        boolean ended = running.waitFor(4, TimeUnit.MINUTES);
        running.destroyForcibly();
        List<String> said = Files.readAllLines(output);
        assertThat(ended).as(String.join("\n", said)).isTrue();
        assertThat(running.exitValue()).as(String.join("\n", said)).isZero();
        assertThat(said.getLast()).contains("passed on [GpuProperties[ordinal=0, name=Emulated GPU, major=9");
    }
}
