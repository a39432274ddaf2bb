package io.ashlar.compute.cuda;

import io.ashlar.compute.Activation;
import io.ashlar.compute.Activations;
import io.ashlar.compute.AdapterRows;
import io.ashlar.compute.Attention;
import io.ashlar.compute.DType;
import io.ashlar.compute.Draws;
import io.ashlar.compute.Ints;
import io.ashlar.compute.Kernels;
import io.ashlar.compute.KeyValues;
import io.ashlar.compute.Linear;
import io.ashlar.compute.LowRank;
import io.ashlar.compute.Matrix;
import io.ashlar.compute.PageType;
import io.ashlar.compute.Panels;
import io.ashlar.compute.RotaryTable;
import io.ashlar.compute.Routing;
import io.ashlar.compute.Rows;
import io.ashlar.compute.Vector;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Records a step as a list of launches and runs it, as a graph where the list is known.
 *
 * <p>Launches must not change from step to step while a batch keeps its size, or no graph would fit twice. So grids are rounded
 * up to a few sizes, kernels read the real counts from device memory, and everything else that changes is there too.
 */
final class CudaKernels implements Kernels {
    private static final int MOST_SIDES = 4;

    private static final int ROW_THREADS = 256;
    private static final int SAMPLE_THREADS = 512;
    private static final int SAMPLE_SHARED = (256 + 1 + SAMPLE_THREADS / 32 + SAMPLE_THREADS) * Long.BYTES;

    private final DeviceWords words;
    private final GpuRuns runs;
    private final Launches launches;
    private final Products products;
    private final Attentions attentions;
    private final List<Scratch> scratches = new ArrayList<>();
    private int side;

    private final long[] embed = new long[DType.values().length];
    private final long[] rotateStore = new long[PageType.values().length];
    private final long[] gate = new long[Activation.values().length];
    private final long norm;
    private final long headNorm;
    private final long softcap;
    private final long route;
    private final long combine;
    private final long argmax;
    private final long copy;
    private final long lowRankDown;
    private final long lowRankUp;
    private final long feed;
    private final long sample;

    /** A rotation that waits for the keys it turned to be stored: both are one launch. */
    private @Nullable Rotation pending;

    private record Rotation(
            Activations x, Rows rows, int column, int heads, int headDim, Ints positions, RotaryTable table) {}

    /** Counts that come as numbers, in the order of their coming in a step. */
    private final List<CudaInts> literals = new ArrayList<>();

    private int literalsUsed;

    CudaKernels(Gpu gpu, DeviceArena arena, DeviceWords words, long stream) {
        this.words = words;
        this.runs = new GpuRuns(gpu, words, stream);
        this.launches = runs.launches();
        this.products = new Products(gpu, this);
        this.attentions = new Attentions(gpu, this);
        for (DType type : DType.values()) {
            embed[type.ordinal()] = gpu.kernel("embed_" + type.name().toLowerCase(Locale.ROOT), 0);
        }
        for (PageType type : PageType.values()) {
            rotateStore[type.ordinal()] =
                    gpu.kernel("rotate_store_" + type.name().toLowerCase(Locale.ROOT), 0);
        }
        for (Activation f : Activation.values()) {
            gate[f.ordinal()] = gpu.kernel("gate_" + f.name().toLowerCase(Locale.ROOT), 0);
        }
        norm = gpu.kernel("norm_rows", 128);
        headNorm = gpu.kernel("norm_heads", 0);
        softcap = gpu.kernel("softcap_rows", 0);
        route = gpu.kernel("route_rows", 4096);
        combine = gpu.kernel("combine_experts", 0);
        argmax = gpu.kernel("argmax_rows", 256);
        copy = gpu.kernel("copy_activations", 0);
        lowRankDown = gpu.kernel("low_rank_a", Products.PLAIN_SHARED);
        lowRankUp = gpu.kernel("low_rank_b", 0);
        feed = gpu.kernel("feed_words", 0);
        sample = gpu.kernel("sample_rows", SAMPLE_SHARED);
        for (int i = 0; i < MOST_SIDES; i++) {
            scratches.add(new Scratch(arena));
        }
    }

    /** The size of grid for so many rows: powers of two, and the halves between them. */
    static int bucket(int count) {
        if (count <= 4) {
            return Math.max(count, 1) == 3 ? 4 : Math.max(count, 1);
        }
        int power = Integer.highestOneBit(count - 1);
        return count <= power + power / 2 ? power + power / 2 : 2 * power;
    }

    Launches launches() {
        if (pending != null) {
            rotateAlone();
        }
        return launches;
    }

    Scratch scratch() {
        return scratches.get(side);
    }

    void put(Activations x) {
        launches.word(CudaBuffer.address(x.data()));
        launches.word(x.stride());
    }

    void put(Rows rows) {
        launches.word(((CudaInts) rows.index()).address());
        launches.word(((CudaInts) rows.counts()).address());
    }

    void put(KeyValues pages) {
        launches.word(((CudaPageTables) pages.tables()).address());
        launches.word(pages.layer());
        launches.word(pages.layout().kvHeads());
        launches.word(pages.layout().headDim());
    }

    private void put(Vector vector) {
        launches.word(CudaBuffer.address(vector.data()) + vector.offset());
    }

    private static int rowsOf(Rows rows) {
        return bucket(rows.count());
    }

    @Override
    public void beside(int which) {
        launches();
        side = which % MOST_SIDES;
        launches.beside(side);
    }

    @Override
    public void join() {
        launches();
        side = 0;
        launches.join();
    }

    @Override
    public void embed(Matrix table, Ints tokens, Rows rows, float scale, Activations out) {
        if (rows.isEmpty()) {
            return;
        }
        launches().add(embed[table.type().ordinal()], rowsOf(rows), 1, 1, ROW_THREADS, 0);
        launches.word(CudaBuffer.address(table.data()) + table.offset());
        launches.word(Panels.panelBytes(table.type(), table.columns()));
        launches.word(table.columns());
        launches.word(((CudaInts) tokens).address());
        put(rows);
        put(out);
        launches.real(scale);
    }

    @Override
    public void rmsNorm(Activations x, Rows rows, Vector weight, float epsilon, Activations out, boolean accumulate) {
        if (rows.isEmpty()) {
            return;
        }
        launches().add(norm, rowsOf(rows), 1, 1, ROW_THREADS, 128);
        put(x);
        put(rows);
        put(weight);
        launches.word(weight.length());
        launches.real(epsilon);
        put(out);
        launches.word(accumulate ? 1 : 0);
    }

    @Override
    public void normHeads(Activations x, Rows rows, int column, int heads, Vector weight, float epsilon) {
        if (rows.isEmpty()) {
            return;
        }
        launches().add(headNorm, rowsOf(rows), Products.divided(heads, 4), 1, 128, 0);
        put(x);
        put(rows);
        launches.word(column);
        launches.word(heads);
        launches.word(weight.length());
        put(weight);
        launches.real(epsilon);
    }

    @Override
    public void project(Activations x, Rows rows, List<Linear> stacked, Activations out, boolean accumulate) {
        if (!rows.isEmpty()) {
            launches();
            products.project(x, rows, stacked, out, accumulate);
        }
    }

    @Override
    public void addLowRank(Activations x, AdapterRows rows, int slot, List<Linear> stacked, Activations out) {
        CudaAdapterRows own = (CudaAdapterRows) rows;
        if (own.isEmpty()) {
            return;
        }
        int segments = bucket(own.segmentCount());
        int matrices = stacked.size();
        int widest = 0;
        for (Linear linear : stacked) {
            widest = Math.max(widest, linear.rows());
        }
        long between = scratch().between((long) segments * matrices * AdapterRows.SEGMENT * LowRank.MOST * Float.BYTES);
        int panels = Panels.count(own.mostRank());
        launches().add(lowRankDown, segments, matrices, panels, 256, Products.PLAIN_SHARED);
        putLowRank(x, own, slot, stacked, out, between);
        launches.add(lowRankUp, segments, matrices, Products.divided(widest, 128), 128, 0);
        putLowRank(x, own, slot, stacked, out, between);
    }

    private void putLowRank(
            Activations x, CudaAdapterRows rows, int slot, List<Linear> stacked, Activations out, long between) {
        put(x);
        launches.word(rows.rows());
        launches.word(rows.segments());
        launches.word(rows.counts());
        launches.word(rows.terms());
        launches.word(slot);
        launches.word(stacked.getFirst().weights().columns());
        put(out);
        launches.word(stacked.size());
        for (int i = 0; i < 4; i++) {
            launches.word(i < stacked.size() ? stacked.get(i).rows() : 0);
        }
        launches.word(between);
    }

    @Override
    public void rotate(
            Activations x, Rows rows, int column, int heads, int headDim, Ints positions, RotaryTable table) {
        if (rows.isEmpty()) {
            return;
        }
        launches();
        pending = new Rotation(x, rows, column, heads, headDim, positions, table);
    }

    @Override
    public void store(Activations x, Rows rows, int keyColumn, int valueColumn, Ints positions, KeyValues into) {
        if (rows.isEmpty()) {
            return;
        }
        Rotation rotation = pending;
        boolean together = rotation != null
                && rotation.x.equals(x)
                && rotation.rows == rows
                && rotation.positions == positions
                && rotation.headDim == into.layout().headDim();
        if (!together) {
            launches();
            rotation = null;
        }
        pending = null;
        rotateStore(rotation, x, rows, positions, keyColumn, valueColumn, into);
    }

    private void rotateAlone() {
        Rotation rotation = pending;
        pending = null;
        if (rotation != null) {
            rotateStore(rotation, rotation.x, rotation.rows, rotation.positions, 0, 0, null);
        }
    }

    private void rotateStore(
            @Nullable Rotation rotation,
            Activations x,
            Rows rows,
            Ints positions,
            int keys,
            int values,
            @Nullable KeyValues into) {
        int type = into == null ? 0 : into.layout().type().ordinal();
        int heads = (rotation == null ? 0 : rotation.heads)
                + (into == null ? 0 : 2 * into.layout().kvHeads());
        int headDim = into == null
                ? (rotation == null ? 0 : rotation.headDim)
                : into.layout().headDim();
        launches.add(rotateStore[type], rowsOf(rows), Products.divided(heads, 4), 1, 128, 0);
        put(x);
        put(rows);
        launches.word(((CudaInts) positions).address());
        launches.word(rotation == null ? 0 : rotation.column);
        launches.word(rotation == null ? 0 : rotation.heads);
        launches.word(headDim);
        launches.word(rotation == null ? 0 : rotation.table.half());
        launches.word(rotation == null ? 0 : CudaBuffer.address(rotation.table.angles()));
        launches.word(keys);
        launches.word(values);
        if (into == null) {
            for (int i = 0; i < 4; i++) {
                launches.word(0);
            }
        } else {
            put(into);
        }
    }

    @Override
    public void attend(Activations q, Rows rows, Attention how, Ints positions, KeyValues from, Activations out) {
        if (!rows.isEmpty()) {
            launches();
            attentions.attend(q, rows, how, positions, from, out);
        }
    }

    @Override
    public void gate(Activations x, Rows rows, int width, Activation f, Activations out) {
        if (rows.isEmpty()) {
            return;
        }
        launches().add(gate[f.ordinal()], rowsOf(rows), Products.divided(width, 1024), 1, ROW_THREADS, 0);
        put(x);
        put(rows);
        launches.word(width);
        put(out);
        launches.word(1);
    }

    @Override
    public void gateSlots(Activations x, int count, int width, Activation f, Activations out) {
        if (count == 0) {
            return;
        }
        launches().add(gate[f.ordinal()], bucket(count), Products.divided(width, 1024), 1, ROW_THREADS, 0);
        put(x);
        launches.word(0);
        launches.word(literal(count));
        launches.word(width);
        put(out);
        launches.word(1);
    }

    private long literal(int count) {
        if (literalsUsed == literals.size()) {
            literals.add(new CudaInts(words, 1));
        }
        CudaInts literal = literals.get(literalsUsed++);
        literal.set(0, count);
        return literal.address();
    }

    @Override
    public void softcap(Activations x, Rows rows, int width, float cap) {
        if (rows.isEmpty()) {
            return;
        }
        launches().add(softcap, rowsOf(rows), Products.divided(width, 256), 1, ROW_THREADS, 0);
        put(x);
        put(rows);
        launches.word(width);
        launches.real(cap);
    }

    @Override
    public void route(Activations x, Rows rows, Routing into) {
        if (rows.isEmpty()) {
            return;
        }
        launches().add(route, 1, 1, 1, ROW_THREADS, into.experts() * Integer.BYTES);
        put(x);
        put(rows);
        launches.word(into.experts());
        launches.word(into.used());
        launches.word(into.normalise() ? 1 : 0);
        launches.word(((CudaInts) into.offsets()).address());
        launches.word(((CudaInts) into.slots()).address());
        launches.word(CudaBuffer.address(into.weights()));
    }

    @Override
    public void projectExperts(
            Activations x, Rows rows, boolean bySlot, Routing routing, List<Matrix> stacked, Activations out) {
        if (!rows.isEmpty()) {
            launches();
            products.projectExperts(x, rows, bySlot, routing, stacked, out);
        }
    }

    @Override
    public void combineExperts(Activations y, Rows rows, Routing routing, int width, Activations out) {
        if (rows.isEmpty()) {
            return;
        }
        launches().add(combine, rowsOf(rows), Products.divided(width, 256), 1, ROW_THREADS, 0);
        put(y);
        put(rows);
        launches.word(routing.used());
        launches.word(width);
        launches.word(CudaBuffer.address(routing.weights()));
        put(out);
    }

    @Override
    public void argmax(Activations x, Rows rows, int width, Ints out) {
        if (rows.isEmpty()) {
            return;
        }
        launches().add(argmax, rowsOf(rows), 1, 1, 1024, 256);
        put(x);
        put(rows);
        launches.word(width);
        launches.word(output(out));
    }

    /** Numbers that the host will read after the step. */
    private long output(Ints out) {
        runs.giveOut((CudaInts) out);
        return ((CudaInts) out).address();
    }

    @Override
    public void copy(Activations from, Rows fromRows, Activations to, Rows toRows, int width) {
        if (fromRows.isEmpty()) {
            return;
        }
        launches().add(copy, rowsOf(fromRows), Products.divided(width, 1024), 1, ROW_THREADS, 0);
        put(from);
        put(fromRows);
        put(to);
        put(toRows);
        launches.word(width);
    }

    @Override
    public void feed(Ints from, Rows fromRows, Ints to, Rows toRows) {
        if (fromRows.isEmpty()) {
            return;
        }
        CudaInts written = (CudaInts) to;
        words.willBeWritten(written.block());
        launches().add(feed, Products.divided(rowsOf(fromRows), ROW_THREADS), 1, 1, ROW_THREADS, 0);
        launches.word(((CudaInts) from).address());
        put(fromRows);
        launches.word(written.address());
        put(toRows);
    }

    @Override
    public boolean samples() {
        return true;
    }

    @Override
    public void sample(Activations logits, Rows rows, int vocabulary, Draws draws, Ints out) {
        if (rows.isEmpty()) {
            return;
        }
        launches().add(sample, rowsOf(rows), 1, 1, SAMPLE_THREADS, SAMPLE_SHARED);
        put(logits);
        launches.word(vocabulary);
        put(rows);
        launches.word(((CudaInts) draws.options()).address());
        launches.word(Draws.words());
        launches.word(((CudaInts) draws.lists()).address());
        launches.word(output(out));
    }

    @Override
    public boolean runsAhead() {
        return true;
    }

    @Override
    public Submitted submit() {
        launches();
        Submitted started = runs.submit(scratches);
        startAnew();
        return started;
    }

    @Override
    public void discard() {
        pending = null;
        runs.discard();
        startAnew();
    }

    @Override
    public void finish() {
        launches();
        runs.finish(scratches);
        startAnew();
    }

    private void startAnew() {
        side = 0;
        literalsUsed = 0;
    }

    GpuRuns runs() {
        return runs;
    }

    void close() {
        scratches.forEach(Scratch::close);
    }
}
