package io.ashlar.scheduler;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Learns how long answers become, per tenant, model and length of the prompt (by octave); where that has seen too little, per
 * tenant and model, and then per model. Old answers count less and less. Safe for many threads; what it gives out is immutable.
 */
public final class LengthPredictor {
    private static final int MOST_KEYS = 20_000;
    /** Answers after which older ones count half. */
    private static final double HALF_LIFE = 500;

    private static final double DECAY = Math.pow(0.5, 1 / HALF_LIFE);
    private static final double ERROR_STEP = 0.01;

    private record Key(String tenant, String model, int octave) {}

    private static final class Learned {
        final double[] histogram = new double[LengthForecast.BUCKETS];
        double mean;
        double weight;
        double news;
        double reading = -1;
        LengthForecast forecast = LengthForecast.NONE;
        LengthForecast made = LengthForecast.NONE;

        void learn(int length) {
            for (int i = 0; i < histogram.length; i++) {
                histogram[i] *= DECAY;
            }
            histogram[LengthForecast.bucket(length)]++;
            weight = weight * DECAY + 1;
            mean += (length - mean) / weight;
            news++;
        }

        /** Built anew when a tenth of what it is made of is new. */
        LengthForecast forecast(LengthForecast otherwise) {
            if (made != otherwise || news > 0 && news * 10 >= reading) {
                forecast = new LengthForecast(histogram.clone(), otherwise);
                made = otherwise;
                reading = weight;
                news = 0;
            }
            return forecast;
        }
    }

    private final Map<Key, Learned> learned = new LinkedHashMap<>(64, 0.75f, true) {
        private static final long serialVersionUID = 1;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Key, Learned> eldest) {
            return size() > MOST_KEYS;
        }
    };

    private double error;
    private double meanError;
    private long answers;

    private static int octave(int prompt) {
        return 31 - Integer.numberOfLeadingZeros(Math.max(1, prompt));
    }

    private Learned of(String tenant, String model, int octave) {
        return learned.computeIfAbsent(new Key(tenant, model, octave), k -> new Learned());
    }

    public synchronized LengthForecast forecast(String tenant, String model, int prompt) {
        LengthForecast forModel = of("", model, -1).forecast(LengthForecast.NONE);
        LengthForecast forTenant = of(tenant, model, -1).forecast(forModel);
        return of(tenant, model, octave(prompt)).forecast(forTenant);
    }

    /** An answer that ended by itself or at its limit. Those that were cut off say nothing of their length. */
    public synchronized void observe(String tenant, String model, int prompt, int completion) {
        if (completion < 1) {
            return;
        }
        Learned ofModel = of("", model, -1);
        if (ofModel.weight >= 1) {
            int predicted = forecast(tenant, model, prompt).expected(0, Integer.MAX_VALUE);
            if (predicted < Integer.MAX_VALUE) {
                double step = Math.max(ERROR_STEP, 1.0 / ++answers);
                error += step * (Math.abs(predicted - completion) - error);
                meanError += step * (Math.abs(ofModel.mean - completion) - meanError);
            }
        }
        ofModel.learn(completion);
        of(tenant, model, -1).learn(completion);
        of(tenant, model, octave(prompt)).learn(completion);
    }

    /** Mean distance between predicted and actual length, in tokens. */
    public synchronized double error() {
        return error;
    }

    /** The same, had every answer been predicted as long as the model's mean. */
    public synchronized double meanGuessError() {
        return meanError;
    }
}
