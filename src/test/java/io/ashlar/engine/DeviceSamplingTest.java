package io.ashlar.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.compute.Activations;
import io.ashlar.compute.Device;
import io.ashlar.compute.Draws;
import io.ashlar.compute.Ints;
import io.ashlar.compute.Rows;
import io.ashlar.compute.TestDevices;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/** From the same logits and random numbers, the device draws the tokens that the host draws. */
class DeviceSamplingTest {
    @Test
    void the_device_draws_what_the_host_draws() {
        var cuda = TestDevices.cuda();
        Assumptions.assumeTrue(cuda.isPresent(), "neither a GPU nor the kernels' sources");
        try (Device device = cuda.orElseThrow()) {
            Random random = new Random(11);
            for (int round = 0; round < 150; round++) {
                compare(device, random, round);
            }
        }
    }

    private static void compare(Device device, Random random, int round) {
        int vocabulary = 1 + random.nextInt(round % 10 == 0 ? 20_000 : 900);
        int stride = (vocabulary + 15) / 16 * 16;
        MemorySegment memory = Arena.ofAuto().allocate(stride * 4L, 64);
        float[] logits = new float[vocabulary];
        boolean ties = random.nextInt(4) == 0;
        for (int i = 0; i < vocabulary; i++) {
            float logit = (float) (3 * random.nextGaussian());
            logits[i] = ties ? Math.round(logit) : logit;
            memory.setAtIndex(ValueLayout.JAVA_FLOAT, i, logits[i]);
        }
        Map<Integer, Float> bias = new HashMap<>();
        for (int i = random.nextInt(4); i > 0; i--) {
            bias.put(random.nextInt(vocabulary), (float) random.nextGaussian());
        }
        SamplingOptions options = new SamplingOptions(
                random.nextInt(6) == 0 ? 0 : 0.05 + 2 * random.nextDouble(),
                random.nextBoolean() ? 1 : random.nextDouble(),
                random.nextBoolean() ? 0 : 1 + random.nextInt(60),
                random.nextBoolean() ? 0 : 0.2 * random.nextDouble(),
                random.nextBoolean() ? 1 : 1 + random.nextDouble(),
                random.nextBoolean() ? 0 : random.nextDouble(),
                random.nextBoolean() ? 0 : random.nextDouble(),
                bias,
                random.nextLong(),
                -1);
        int length = 1 + random.nextInt(40);
        int promptLength = 1 + random.nextInt(length);
        int[] tokens = random.ints(length, 0, Math.min(vocabulary, 30)).toArray();
        int expected = new Sampler()
                .choose(logits, vocabulary, options, tokens, promptLength, length)
                .token();

        GenerationRequest request = new GenerationRequest(
                null,
                null,
                java.util.Arrays.copyOf(tokens, promptLength),
                100,
                options,
                java.util.List.of(),
                java.util.List.of(),
                1,
                "test");
        Sequence sequence = new Sequence(new Submission(request, new Generation(null, 0), 0), 0, null, null);
        for (int i = promptLength; i < length; i++) {
            sequence.append(tokens[i]);
        }
        DrawnRows drawn = new DrawnRows(device);
        drawn.add(0, sequence);
        Draws draws = drawn.draws();
        Ints out = device.ints(1);
        Rows rows = drawn.rows;
        device.kernels().sample(new Activations(device.upload(memory), 1, stride), rows, vocabulary, draws, out);
        device.kernels().finish();
        assertThat(out.get(0))
                .as("round %d: %s over %d tokens", round, options, vocabulary)
                .isEqualTo(expected);
        drawn.close();
        out.close();
    }
}
