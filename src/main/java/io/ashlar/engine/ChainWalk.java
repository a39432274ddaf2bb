package io.ashlar.engine;

import io.ashlar.block.Adapter;
import io.ashlar.block.Block;
import io.ashlar.compute.Activations;
import io.ashlar.compute.Buffer;
import io.ashlar.compute.Device;
import io.ashlar.compute.Kernels;
import io.ashlar.compute.KeyValues;
import io.ashlar.compute.LowRank;
import io.ashlar.compute.Matrix;
import io.ashlar.compute.RotaryTable;
import io.ashlar.compute.Rows;
import io.ashlar.model.LayerShape;
import io.ashlar.model.Pass;
import io.ashlar.model.Weights;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Runs the rows of a step through their chains, depth by depth. At each depth rows are grouped by block: rows of a base and
 * of its fine-tunes go through one product while their blocks are the same, part where they differ, and join again.
 */
final class ChainWalk implements Pass {
    /** Chains that go through the same block in the same way at one depth. */
    private record Place(Block block, LayerShape shape) {}

    private final Device device;
    private final PagePool pool;
    private @Nullable Buffers buffers;

    private @Nullable StepRows step;
    private RotaryTable rotary = new RotaryTable(0, new float[0], new float[0]);
    private List<Chain> group = List.of();
    private long blockPasses;
    private long chainPasses;

    ChainWalk(Device device, PagePool pool) {
        this.device = device;
        this.pool = pool;
    }

    /** The buffers of a step, as wide as the widest chain and as long as the longest step so far. */
    private static final class Buffers {
        final int rows;
        final int hiddenWidth;
        final int stackedWidth;
        final int mixedWidth;
        final int vocabulary;
        final int logitRows;
        final Activations hidden;
        final Activations normed;
        final Activations stacked;
        final Activations mixed;
        final Activations logits;
        private final List<Buffer> memory = new ArrayList<>();

        Buffers(Device device, int rows, int hidden, int stacked, int mixed, int logitRows, int vocabulary) {
            this.rows = rows;
            this.hiddenWidth = hidden;
            this.stackedWidth = stacked;
            this.mixedWidth = mixed;
            this.logitRows = logitRows;
            this.vocabulary = vocabulary;
            this.hidden = activations(device, rows, hidden);
            this.normed = activations(device, rows, hidden);
            this.stacked = activations(device, rows, stacked);
            this.mixed = activations(device, rows, mixed);
            this.logits = activations(device, logitRows, vocabulary);
        }

        private Activations activations(Device device, int count, int width) {
            Buffer buffer = device.allocate((long) count * width * Float.BYTES);
            memory.add(buffer);
            return new Activations(buffer, count, width);
        }

        void close() {
            memory.forEach(Buffer::close);
        }
    }

    /** Computes all rows. Logits are then there for the sampled ones, by {@link #logits}. */
    void run(StepRows rows) {
        step = rows;
        Collection<Chain> chains = rows.chains();
        makeRoom(rows, chains);
        forGroups(
                chains,
                c -> new Place(c.embedding(), c.config().layer()),
                (place, members) -> members.getFirst().family().embed(this, rows.of(members), place.block.weights()));
        int depth = 0;
        for (Chain chain : chains) {
            depth = Math.max(depth, chain.config().layers());
        }
        for (int layer = 0; layer < depth; layer++) {
            int at = layer;
            List<Chain> reaching = new ArrayList<>(chains.size());
            for (Chain chain : chains) {
                if (at < chain.config().layers()) {
                    reaching.add(chain);
                }
            }
            forGroups(
                    reaching,
                    c -> new Place(c.layer(at), c.config().layer()),
                    (place, members) -> members.getFirst()
                            .family()
                            .layer(this, rows.of(members), at, place.shape, place.block.weights()));
        }
        forGroups(
                chains,
                c -> new Place(c.norm(), c.config().layer()),
                (place, members) -> members.getFirst()
                        .family()
                        .norm(this, rows.sampledOf(rows.of(members)), place.shape, place.block.weights()));
        forGroups(
                chains,
                c -> new Place(c.head(), c.config().layer()),
                (place, members) -> members.getFirst()
                        .family()
                        .head(this, rows.sampledOf(rows.of(members)), place.block.weights(), buffers().logits));
    }

    @FunctionalInterface
    private interface GroupTask {
        void run(Place place, List<Chain> members);
    }

    private void forGroups(Collection<Chain> chains, Function<Chain, Place> placeOf, GroupTask task) {
        Map<Place, List<Chain>> groups = new LinkedHashMap<>();
        for (Chain chain : chains) {
            groups.computeIfAbsent(placeOf.apply(chain), p -> new ArrayList<>()).add(chain);
        }
        groups.forEach((place, members) -> {
            blockPasses++;
            chainPasses += members.size();
            group = members;
            rotary = members.getFirst().rotary();
            for (Chain member : members) {
                if (member.contextLength() * member.rotary().half() > rotary.cos().length) {
                    rotary = member.rotary();
                }
            }
            task.run(place, members);
        });
    }

    private void makeRoom(StepRows rows, Collection<Chain> chains) {
        int hidden = 0;
        int stacked = 0;
        int mixed = 0;
        int vocabulary = 0;
        for (Chain chain : chains) {
            LayerShape s = chain.config().layer();
            hidden = Math.max(hidden, s.hiddenSize());
            stacked = Math.max(stacked, Math.max(s.queryWidth() + 2 * s.keyWidth(), 2 * s.intermediateSize()));
            mixed = Math.max(mixed, Math.max(s.queryWidth(), s.intermediateSize()));
            vocabulary = Math.max(vocabulary, chain.config().vocabularySize());
        }
        Buffers b = buffers;
        int logitRows = Math.max(1, rows.sampled.size());
        if (b != null
                && b.rows >= rows.count
                && b.hiddenWidth >= hidden
                && b.stackedWidth >= stacked
                && b.mixedWidth >= mixed
                && b.vocabulary >= vocabulary
                && b.logitRows >= logitRows) {
            return;
        }
        Buffers next = b == null
                ? new Buffers(device, rows.count, hidden, stacked, mixed, logitRows, vocabulary)
                : new Buffers(
                        device,
                        grown(b.rows, rows.count),
                        Math.max(b.hiddenWidth, hidden),
                        Math.max(b.stackedWidth, stacked),
                        Math.max(b.mixedWidth, mixed),
                        grown(b.logitRows, logitRows),
                        Math.max(b.vocabulary, vocabulary));
        if (b != null) {
            b.close();
        }
        buffers = next;
    }

    private static int grown(int have, int need) {
        return need <= have ? have : Math.max(need, 2 * have);
    }

    private Buffers buffers() {
        Buffers b = buffers;
        if (b == null) {
            throw new IllegalStateException("no step has run yet");
        }
        return b;
    }

    private StepRows step() {
        StepRows s = step;
        if (s == null) {
            throw new IllegalStateException("no step is running");
        }
        return s;
    }

    /** The logits of a sampled row of the last step. */
    void logits(int row, float[] into, int vocabulary) {
        device.download(buffers().logits, row, into, vocabulary);
    }

    @Override
    public Kernels kernels() {
        return device.kernels();
    }

    @Override
    public int[] tokens() {
        return step().tokens;
    }

    @Override
    public int[] positions() {
        return step().positions;
    }

    @Override
    public Activations hidden() {
        return buffers().hidden;
    }

    @Override
    public Activations normed() {
        return buffers().normed;
    }

    @Override
    public Activations stacked() {
        return buffers().stacked;
    }

    @Override
    public Activations mixed() {
        return buffers().mixed;
    }

    @Override
    public KeyValues keyValues(int layer, LayerShape shape) {
        StepRows rows = step();
        long[][] pages = new long[rows.count][];
        for (Chain chain : group) {
            for (int row : rows.rowsOf(chain)) {
                pages[row] = rows.sequences[row].pages[layer];
            }
        }
        return new KeyValues(pool.memory(), shape.pages(), pages, rows.positions);
    }

    @Override
    public RotaryTable rotary(LayerShape shape) {
        return rotary;
    }

    @Override
    public void project(
            Activations x,
            Rows rows,
            int layer,
            Weights weights,
            List<String> roles,
            Activations out,
            boolean accumulate) {
        List<Matrix> stack = new ArrayList<>(roles.size());
        for (String role : roles) {
            stack.add(weights.get(role));
        }
        kernels().project(x, rows, stack, out, accumulate);
        for (Chain chain : group) {
            Adapter adapter = chain.adapter();
            if (adapter == null) {
                continue;
            }
            int column = 0;
            for (int i = 0; i < roles.size(); i++) {
                LowRank term = adapter.term(layer, roles.get(i));
                if (term != null) {
                    kernels().addLowRank(x, Rows.of(step().rowsOf(chain)), term, out, column);
                }
                column += stack.get(i).rows();
            }
        }
    }

    /** Products that ran, one for each group of rows at each depth. */
    long blockPasses() {
        return blockPasses;
    }

    /** Products that would have run with each model on its own. */
    long chainPasses() {
        return chainPasses;
    }

    void close() {
        if (buffers != null) {
            buffers.close();
        }
    }
}
