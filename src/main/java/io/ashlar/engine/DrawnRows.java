package io.ashlar.engine;

import io.ashlar.compute.Device;
import io.ashlar.compute.Draws;
import io.ashlar.compute.Draws.Option;
import io.ashlar.compute.Ints;
import io.ashlar.compute.Rows;
import java.util.Map;

/** The rows of a step whose tokens the device draws, and how. Filled anew for each step. */
final class DrawnRows {
    private final Device device;
    final Rows rows;
    private Ints options;
    private Ints lists;
    private int listed;

    DrawnRows(Device device) {
        this.device = device;
        this.rows = new Rows(device);
        this.options = device.ints(Draws.words());
        this.lists = device.ints(16);
    }

    void clear() {
        rows.clear();
        listed = 0;
    }

    void add(int row, Sequence sequence) {
        int at = rows.count();
        rows.add(row);
        options = room(options, (at + 1) * Draws.words());
        SamplingOptions o = sequence.sampling;
        Draws draws = draws();
        long random = Sampler.random(o.seed(), sequence.answerLength());
        draws.set(at, Option.GREEDY, o.temperature() == 0 ? 1 : 0);
        draws.set(at, Option.INVERSE, Sampler.inverse(o.temperature()));
        draws.set(at, Option.TOP_K, o.topK());
        draws.set(at, Option.TOP_P, (float) o.topP());
        draws.set(at, Option.MIN_WEIGHT, Sampler.leastWeight(o.minP()));
        draws.set(at, Option.RANDOM_LOW, (int) random);
        draws.set(at, Option.RANDOM_HIGH, (int) (random >>> 32));
        draws.set(at, Option.REPETITION, (float) o.repetitionPenalty());
        draws.set(at, Option.FREQUENCY, (float) o.frequencyPenalty());
        draws.set(at, Option.PRESENCE, (float) o.presencePenalty());
        draws.set(at, Option.BIAS, listed);
        draws.set(at, Option.BIASES, o.bias().size());
        for (Map.Entry<Integer, Float> bias : o.bias().entrySet()) {
            list(bias.getKey(), Float.floatToRawIntBits(bias.getValue()));
        }
        draws.set(at, Option.SEEN, listed);
        int[][] seen =
                o.penalises() ? Sampler.seen(sequence.tokens, sequence.promptLength(), sequence.length) : new int[0][];
        draws().set(at, Option.SEENS, seen.length);
        for (int[] pair : seen) {
            list(pair[0], pair[1]);
        }
    }

    private void list(int first, int second) {
        lists = room(lists, listed + 2);
        lists.set(listed++, first);
        lists.set(listed++, second);
    }

    private Ints room(Ints ints, int length) {
        if (length <= ints.length()) {
            return ints;
        }
        Ints more = device.ints(Math.max(length, 2 * ints.length()));
        for (int i = 0; i < ints.length(); i++) {
            more.set(i, ints.get(i));
        }
        ints.close();
        return more;
    }

    Draws draws() {
        return new Draws(options, lists);
    }

    void close() {
        rows.close();
        options.close();
        lists.close();
    }
}
