package io.ashlar.engine;

import io.ashlar.block.AdapterManifest;
import io.ashlar.block.BlockZoo;
import io.ashlar.block.LoadedBlocks;
import io.ashlar.block.ModelManifest;
import io.ashlar.compute.PageType;
import io.ashlar.compute.cpu.CpuDevice;
import io.ashlar.model.text.Tokenizer;
import io.ashlar.scheduler.StepLimits;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * How far a model and its replacement are apart: the Kullback-Leibler divergence of the next token's distribution, in nats,
 * after the beginnings of some texts.
 *
 * @param mean over all beginnings
 * @param worst of them
 */
public record Divergence(double mean, double worst, int probes) {
    /** One runs, and the one before it may not have left yet: who waits for its end is told first. */
    private static final int QUEUED = 2;

    private static final int EVERY = 4;
    private static final int MOST_TOKENS = 256;
    private static final long PAGE_BYTES = 256L << 20;

    /**
     * Measured on the host's cores.
     *
     * @param base with the adapter, the replacement
     * @param texts a beginning of each ends at every fourth token
     */
    public static Divergence measure(
            BlockZoo zoo, ModelManifest exact, ModelManifest base, AdapterManifest adapter, List<String> texts) {
        int vocabulary = exact.modelConfig().vocabularySize();
        try (CpuDevice device = new CpuDevice(Runtime.getRuntime().availableProcessors());
                Tokenizer tokenizer = new Tokenizer(zoo.file(exact.tokenizer()), vocabulary)) {
            EngineOptions options = new EngineOptions(
                    new StepLimits(MOST_TOKENS, 1), PAGE_BYTES, PageType.F32, QUEUED, Duration.ofMinutes(10));
            ChainLoader loader = new ChainLoader(new LoadedBlocks(zoo, device));
            Chain first = loader.load(exact, null, MOST_TOKENS + 1);
            Chain second = loader.load(base, adapter, MOST_TOKENS + 1);
            try (Engine engine = new Engine(device, options, System::nanoTime)) {
                engine.start();
                double sum = 0;
                double worst = 0;
                int probes = 0;
                for (String text : texts) {
                    int[] tokens = tokenizer.encode(text, true);
                    for (int length = EVERY; length <= Math.min(tokens.length, MOST_TOKENS); length += EVERY) {
                        int[] beginning = Arrays.copyOf(tokens, length);
                        double divergence = divergence(
                                logProbabilities(engine, first, tokenizer, beginning, vocabulary),
                                logProbabilities(engine, second, tokenizer, beginning, vocabulary));
                        sum += divergence;
                        worst = Math.max(worst, divergence);
                        probes++;
                    }
                }
                return new Divergence(sum / Math.max(1, probes), worst, probes);
            } finally {
                loader.release(first);
                loader.release(second);
            }
        }
    }

    private static double divergence(float[] p, float[] q) {
        double sum = 0;
        for (int i = 0; i < p.length; i++) {
            sum += Math.exp(p[i]) * ((double) p[i] - q[i]);
        }
        return Math.max(0, sum);
    }

    /** Of the next token, by id. */
    private static float[] logProbabilities(
            Engine engine, Chain chain, Tokenizer tokenizer, int[] tokens, int vocabulary) {
        SamplingOptions all = new SamplingOptions(0, 1, 0, 0, 1, 0, 0, Map.of(), 0, vocabulary);
        Generation generation = engine.submit(
                new GenerationRequest(chain, tokenizer.bytes(), tokens, 1, all, List.of(), List.of(), 1, "divergence"));
        generation.ended().join();
        for (GenerationEvent event = generation.poll(); event != null; event = generation.poll()) {
            if (event instanceof GenerationEvent.Token token && token.logprobs() != null) {
                float[] byId = new float[vocabulary];
                int[] order = token.logprobs().topTokens();
                for (int i = 0; i < order.length; i++) {
                    byId[order[i]] = token.logprobs().topLogprobs()[i];
                }
                return byId;
            }
        }
        throw new IllegalStateException("the probe gave no token");
    }
}
