package io.ashlar.scheduler;

/**
 * The time of a step as a function of what is in it: {@code base + prefill·tokens + decode·rows + page·pages}. Fitted to
 * measured steps as they come, by least squares of the relative error with exponential forgetting, under the bound that no
 * coefficient is negative (coordinate descent on the normal equations, 4 x 4).
 */
public final class CostModel {
    private static final int TERMS = 4;
    private static final double FORGETTING = 0.998;
    private static final int SOLVE_EVERY = 8;
    private static final int SWEEPS = 40;

    /** base, prefill token, decode row, page read; in nanoseconds. */
    private final double[] coefficients;

    private final double[][] normal = new double[TERMS][TERMS];
    private final double[] right = new double[TERMS];
    private final double[] features = new double[TERMS];
    private long observed;
    private double error = 0;
    private double recent = 0;

    /** Starts from a guess of a small model on a slow machine. */
    public CostModel() {
        this(1e6, 300_000, 500_000, 1_000);
    }

    /** Coefficients in nanoseconds. */
    public CostModel(double base, double prefillToken, double decodeRow, double page) {
        coefficients = new double[] {base, prefillToken, decodeRow, page};
    }

    /**
     * Learns from a step.
     *
     * @param prefill tokens of prompts
     * @param decodes rows that continue answers
     * @param pages read by all rows, in groups of 16 tokens
     */
    public void observe(int prefill, int decodes, long pages, long nanos) {
        if (nanos <= 0) {
            return;
        }
        double predicted = nanos(prefill, decodes, pages);
        recent += 0.1 * (nanos - recent);
        error += 0.02 * (Math.abs(predicted - nanos) / nanos - error);
        // Divided by the time, so that short steps count as much as long ones.
        features[0] = 1.0 / nanos;
        features[1] = (double) prefill / nanos;
        features[2] = (double) decodes / nanos;
        features[3] = (double) pages / nanos;
        for (int i = 0; i < TERMS; i++) {
            for (int j = 0; j < TERMS; j++) {
                normal[i][j] = FORGETTING * normal[i][j] + features[i] * features[j];
            }
            right[i] = FORGETTING * right[i] + features[i];
        }
        if (++observed % SOLVE_EVERY == 0) {
            solve();
        }
    }

    private void solve() {
        for (int sweep = 0; sweep < SWEEPS; sweep++) {
            for (int i = 0; i < TERMS; i++) {
                if (normal[i][i] < 1e-30) {
                    continue; // never seen: the guess stays
                }
                double rest = right[i];
                for (int j = 0; j < TERMS; j++) {
                    if (j != i) {
                        rest -= normal[i][j] * coefficients[j];
                    }
                }
                coefficients[i] = Math.max(0, rest / normal[i][i]);
            }
        }
    }

    public double nanos(double prefill, double decodes, double pages) {
        return coefficients[0] + coefficients[1] * prefill + coefficients[2] * decodes + coefficients[3] * pages;
    }

    /** The time of steps of late. */
    public double recentStep() {
        return Math.max(recent, coefficients[0] + coefficients[2]);
    }

    /** Pages that tokens read which come after {@code before} others of their sequence. */
    public static long pagesRead(int before, int tokens) {
        return tokens * ((before + tokens / 2L) / 16 + 1);
    }

    /** Of a step, whatever is in it. */
    public double base() {
        return coefficients[0];
    }

    public double prefillToken() {
        return coefficients[1];
    }

    public double decodeRow() {
        return coefficients[2];
    }

    public double page() {
        return coefficients[3];
    }

    /** Of the prefill of so many tokens that come after {@code before} others, in steps of their own. */
    public double prefill(int tokens, int before) {
        double pages = tokens * (before + tokens / 2.0) / 16;
        return coefficients[0] + coefficients[1] * tokens + coefficients[3] * pages;
    }

    /** Mean relative error of the last fifty or so predictions. */
    public double error() {
        return error;
    }

    public long observed() {
        return observed;
    }

    /** The same coefficients, with a future of its own. */
    public CostModel copy() {
        return new CostModel(coefficients[0], coefficients[1], coefficients[2], coefficients[3]);
    }
}
