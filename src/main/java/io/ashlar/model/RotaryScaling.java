package io.ashlar.model;

import java.util.List;
import tools.jackson.databind.JsonNode;

/** How a model stretches its rotary embedding beyond the context it was trained on. */
public sealed interface RotaryScaling {
    record None() implements RotaryScaling {}

    /** Positions divided by a factor (Chen et al. 2023, "Extending Context Window via Positional Interpolation"). */
    record Linear(double factor) implements RotaryScaling {}

    /** Llama 3.1's: long wavelengths divided by the factor, short ones kept, a smooth passage between. */
    record Llama3(double factor, double lowFrequencyFactor, double highFrequencyFactor, int originalContext)
            implements RotaryScaling {}

    /** Frequencies divided by a factor each, as GGUF files spell Llama 3.1's out. */
    record Factors(List<Double> factors) implements RotaryScaling {}

    /** YaRN (Peng et al. 2023): a ramp over dimensions between interpolation and extrapolation, and a scale on the angles. */
    record Yarn(
            double factor,
            double attentionFactor,
            double betaFast,
            double betaSlow,
            boolean truncate,
            int originalContext)
            implements RotaryScaling {}

    /** Reads {@code rope_scaling} (or the newer {@code rope_parameters}) of a config.json. */
    static RotaryScaling read(Fields config) {
        String name = config.has("rope_scaling") ? "rope_scaling" : "rope_parameters";
        if (!config.has(name)) {
            return new None();
        }
        Fields f = config.object(name);
        String type = f.has("rope_type") ? f.text("rope_type") : f.has("type") ? f.text("type") : "default";
        return switch (type) {
            case "default" -> new None();
            case "linear" -> new Linear(f.number("factor"));
            case "factors" ->
                new Factors(f.node()
                        .path("factors")
                        .valueStream()
                        .map(JsonNode::asDouble)
                        .toList());
            case "llama3" ->
                new Llama3(
                        f.number("factor"),
                        f.number("low_freq_factor"),
                        f.number("high_freq_factor"),
                        f.positiveInt("original_max_position_embeddings"));
            case "yarn" -> yarn(config, f);
            default ->
                throw new CheckpointException(f.source() + ": rope_type '" + type
                        + "' is not supported; supported are default, linear, llama3 and yarn");
        };
    }

    private static Yarn yarn(Fields config, Fields f) {
        double factor = f.number("factor");
        double attention;
        if (f.has("attention_factor")) {
            attention = f.number("attention_factor");
        } else if (f.has("mscale") && f.has("mscale_all_dim")) {
            attention = yarnScale(factor, f.number("mscale")) / yarnScale(factor, f.number("mscale_all_dim"));
        } else {
            attention = yarnScale(factor, 1);
        }
        int original = f.positiveInt("original_max_position_embeddings", config.positiveInt("max_position_embeddings"));
        return new Yarn(
                factor,
                attention,
                f.number("beta_fast", 32),
                f.number("beta_slow", 1),
                f.flag("truncate", true),
                original);
    }

    private static double yarnScale(double factor, double scale) {
        return factor <= 1 ? 1 : 0.1 * scale * Math.log(factor) + 1;
    }

    /** Inverse frequencies of dimension pairs 0 to headDim / 2. */
    default double[] inverseFrequencies(int headDim, double theta) {
        int half = headDim / 2;
        double[] frequencies = new double[half];
        for (int i = 0; i < half; i++) {
            frequencies[i] = scaled(i, Math.pow(theta, -2.0 * i / headDim), headDim, theta);
        }
        return frequencies;
    }

    private double scaled(int i, double frequency, int headDim, double theta) {
        return switch (this) {
            case None() -> frequency;
            case Linear(double factor) -> frequency / factor;
            case Factors(List<Double> factors) -> frequency / factors.get(i);
            case Llama3 s -> {
                double wavelength = 2 * Math.PI / frequency;
                double longest = s.originalContext / s.lowFrequencyFactor;
                double shortest = s.originalContext / s.highFrequencyFactor;
                if (wavelength > longest) {
                    yield frequency / s.factor;
                }
                if (wavelength < shortest) {
                    yield frequency;
                }
                double smooth = (s.originalContext / wavelength - s.lowFrequencyFactor)
                        / (s.highFrequencyFactor - s.lowFrequencyFactor);
                yield (1 - smooth) * frequency / s.factor + smooth * frequency;
            }
            case Yarn s -> {
                double low = rotationDim(s.betaFast, headDim, theta, s.originalContext);
                double high = rotationDim(s.betaSlow, headDim, theta, s.originalContext);
                if (s.truncate) {
                    low = Math.floor(low);
                    high = Math.ceil(high);
                }
                low = Math.max(low, 0);
                high = Math.min(high, headDim - 1);
                double width = low == high ? 0.001 : high - low;
                double ramp = Math.clamp((i - low) / width, 0, 1);
                yield frequency / s.factor * ramp + frequency * (1 - ramp);
            }
        };
    }

    /** The dimension that turns {@code rotations} times within the original context. */
    private static double rotationDim(double rotations, int headDim, double theta, int originalContext) {
        return headDim * Math.log(originalContext / (rotations * 2 * Math.PI)) / (2 * Math.log(theta));
    }

    /** Cosines and sines for positions below {@code context}: {@code [context, 2, dimensions / 2]}. */
    default float[] angles(int dimensions, double theta, int context) {
        double[] frequencies = inverseFrequencies(dimensions, theta);
        double scale = this instanceof Yarn y ? y.attentionFactor : 1;
        int half = dimensions / 2;
        float[] angles = new float[Math.multiplyExact(context, 2 * half)];
        for (int position = 0; position < context; position++) {
            for (int i = 0; i < half; i++) {
                double angle = position * frequencies[i];
                angles[position * 2 * half + i] = (float) (Math.cos(angle) * scale);
                angles[(position * 2 + 1) * half + i] = (float) (Math.sin(angle) * scale);
            }
        }
        return angles;
    }
}
