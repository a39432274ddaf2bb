package io.ashlar.compute.cpu;

import io.ashlar.compute.Activation;
import io.ashlar.compute.Activations;
import io.ashlar.compute.AdapterRows;
import io.ashlar.compute.Attention;
import io.ashlar.compute.AttentionTiling;
import io.ashlar.compute.Ints;
import io.ashlar.compute.Kernels;
import io.ashlar.compute.KeyValues;
import io.ashlar.compute.Linear;
import io.ashlar.compute.Matrix;
import io.ashlar.compute.PageLayout;
import io.ashlar.compute.Panels;
import io.ashlar.compute.RotaryTable;
import io.ashlar.compute.Routing;
import io.ashlar.compute.Rows;
import io.ashlar.compute.Vector;
import io.ashlar.compute.cpu.Tape.Kind;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.IntConsumer;

/**
 * The kernels in C. Operations are recorded on a tape; one call for each worker runs all of it, with a meeting of the
 * workers after each operation. What is too small to share is run by whichever worker ends the operation before it.
 */
final class NativeKernels implements Kernels {
    /** Elementwise operations on fewer floats than this are not shared. */
    private static final long ELEMENTWISE_GRAIN = 8 * 1024;
    /** Products of fewer multiply-adds than this are not shared. */
    private static final long PRODUCT_GRAIN = 128 * 1024;

    private static final long ATTENTION_GRAIN = 32 * 1024;
    /** Tasks for each worker, so that one that was held up does not hold up the others. */
    private static final int TASKS_EACH = 8;
    /** Panels of a tile. */
    private static final int TILE_PANELS = 4;
    /** Rows of a tile, and a tile of fewer rows twice. */
    private static final int TILE_ROWS = 6;

    private static final int ROWS_EACH = 4 * TILE_ROWS;

    private static final int MAX_STACKED = 4;
    /** {@code MAX_LIST} of {@code kernels.c}. */
    private static final int MOST_ROWS = 4096;

    private static final long MEETING_BYTES = 128;
    private static final long BLOCK_META_BYTES = 24;
    private static final int PART_HEAD = 16;
    /** Bytes of a long context's partial results; more rows than fit are taken in turns. */
    private static final long MOST_PART_BYTES = 32L << 20;

    private final NativeLibrary library;
    private final Workers workers;
    private final Tape tape = new Tape();
    private final Arena meetingArena = Arena.ofShared();
    private final MemorySegment meeting = meetingArena.allocate(MEETING_BYTES, 64);
    private final Scratch quantized = new Scratch();
    private final Scratch parts = new Scratch();
    private final IntConsumer play;

    NativeKernels(NativeLibrary library, Workers workers) {
        this.library = library;
        this.workers = workers;
        this.play = worker -> library.run(tape.address(), tape.count(), meeting.address(), worker, workers.count());
    }

    /** Memory that grows; what was recorded with the old is done before it goes. */
    private final class Scratch {
        private Arena arena = Arena.ofShared();
        private MemorySegment memory = arena.allocate(64, 64);

        long atLeast(long bytes) {
            if (memory.byteSize() < bytes) {
                finish();
                Arena next = Arena.ofShared();
                memory = next.allocate(Math.max(bytes, memory.byteSize() * 3 / 2), 64);
                arena.close();
                arena = next;
            }
            return memory.address();
        }

        void close() {
            arena.close();
        }
    }

    private Tape op(Kind kind, int tasks, boolean serial) {
        if (tape.isFull()) {
            finish();
        }
        return tape.op(kind, tasks, serial);
    }

    /** An operation on rows, each of some floats. */
    private Tape rowsOp(Kind kind, int rows, long floatsEach) {
        boolean serial = rows == 1 || rows * floatsEach < ELEMENTWISE_GRAIN;
        return op(kind, serial ? 1 : Math.min(rows, TASKS_EACH * workers.count()), serial);
    }

    private Tape put(Rows rows) {
        return tape.put(Address.of(rows.index())).put(rows.count());
    }

    private Tape put(Activations x) {
        return tape.put(Address.of(x)).put(x.stride());
    }

    @Override
    public void discard() {
        tape.clear();
    }

    @Override
    public void finish() {
        if (tape.isEmpty()) {
            return;
        }
        workers.together(play);
        tape.clear();
    }

    @Override
    public void embed(Matrix table, Ints tokens, Rows rows, float scale, Activations out) {
        if (rows.isEmpty()) {
            return;
        }
        for (int i = 0; i < rows.count(); i++) {
            int token = tokens.get(rows.get(i));
            if (token < 0 || token >= table.rows()) {
                throw new IllegalArgumentException("token " + token + " is outside the vocabulary of " + table.rows());
            }
        }
        rowsOp(Kind.EMBED, rows.count(), table.columns());
        tape.put(Address.of(table))
                .put(table.type().ordinal())
                .put(table.columns())
                .put(Address.of(tokens));
        put(rows);
        put(out).put((double) scale);
    }

    @Override
    public void rmsNorm(Activations x, Rows rows, Vector weight, float epsilon, Activations out, boolean accumulate) {
        if (rows.isEmpty()) {
            return;
        }
        rowsOp(Kind.NORM, rows.count(), weight.length());
        put(x);
        put(rows).put(Address.of(weight)).put(weight.length()).put((double) epsilon);
        put(out).put(accumulate ? 1 : 0);
    }

    @Override
    public void normHeads(Activations x, Rows rows, int column, int heads, Vector weight, float epsilon) {
        if (rows.isEmpty()) {
            return;
        }
        rowsOp(Kind.HEAD_NORM, rows.count(), (long) heads * weight.length());
        put(x);
        put(rows).put(column).put(heads).put(weight.length());
        tape.put(Address.of(weight)).put((double) epsilon);
    }

    @Override
    public void project(Activations x, Rows rows, List<Linear> stacked, Activations out, boolean accumulate) {
        if (rows.isEmpty()) {
            return;
        }
        if (rows.count() > MOST_ROWS) {
            throw new IllegalArgumentException(rows.count() + " rows are more than " + MOST_ROWS);
        }
        int columns = stacked.getFirst().weights().columns();
        boolean rounds = false;
        int panels = 0;
        for (int i = 0; i < stacked.size(); i++) {
            Matrix m = stacked.get(i).weights();
            check(m, columns, stacked.size());
            rounds |= m.type().isQuantized();
            panels += Panels.count(m.rows());
        }
        long bytes = rounds ? quantize(x, address(rows), rows.count(), columns) : 0;
        long work = (long) panels * Panels.ROWS * columns * rows.count();
        // Many rows are cut among the workers too: then a worker's rows stay in its cache from operation to operation.
        int parts = rows.count() >= ROWS_EACH * workers.count() ? workers.count() : 1;
        int rowsEach = aligned((rows.count() + parts - 1) / parts, TILE_ROWS);
        parts = (rows.count() + rowsEach - 1) / rowsEach;
        int each = panelsPerTask(panels, work / parts);
        int panelTasks = (panels + each - 1) / each;
        op(Kind.PROJECT, panelTasks * parts, work < PRODUCT_GRAIN);
        put(x);
        put(rows);
        putQuantized(bytes, rows.count(), columns);
        put(out).put(accumulate ? 1 : 0)
                .put(columns)
                .put(each)
                .put(panelTasks)
                .put(rowsEach)
                .put(stacked.size());
        for (int i = 0; i < stacked.size(); i++) {
            Linear linear = stacked.get(i);
            Matrix m = linear.weights();
            tape.put(Address.of(m)).put(Address.of(linear.bias())).put(m.type().ordinal());
            tape.put(m.rows());
        }
    }

    private static void check(Matrix m, int columns, int count) {
        if (m.columns() != columns || count > MAX_STACKED) {
            throw new IllegalArgumentException(
                    "stacked matrices are " + count + ", of " + columns + " and " + m.columns() + " columns");
        }
    }

    private static long address(Rows rows) {
        return Address.of(rows.index());
    }

    private int panelsPerTask(int panels, long work) {
        if (work < PRODUCT_GRAIN) {
            return panels;
        }
        long most = Math.min((long) TASKS_EACH * workers.count(), Math.max(1, work / (PRODUCT_GRAIN / 2)));
        int each = (int) ((panels + most - 1) / most);
        return aligned(each, TILE_PANELS);
    }

    private static int aligned(int n, int unit) {
        return (n + unit - 1) / unit * unit;
    }

    /** Records the rounding of rows to bytes; returns where they will be. */
    private long quantize(Activations x, long index, int count, int columns) {
        long metas = (long) count * (columns / 32) * BLOCK_META_BYTES;
        long address = quantized.atLeast((long) count * columns + metas);
        rowsOp(Kind.QUANTIZE, count, columns);
        put(x);
        tape.put(index).put(count);
        putQuantized(address, count, columns);
        return address;
    }

    private void putQuantized(long address, int count, int columns) {
        tape.put(address)
                .put(address == 0 ? 0 : address + (long) count * columns)
                .put(columns);
    }

    @Override
    public void addLowRank(Activations x, AdapterRows rows, int slot, List<Linear> stacked, Activations out) {
        CpuAdapterRows which = (CpuAdapterRows) rows;
        if (which.isEmpty()) {
            return;
        }
        int columns = stacked.getFirst().weights().columns();
        long wide = 0;
        for (int i = 0; i < stacked.size(); i++) {
            wide += stacked.get(i).rows();
        }
        boolean serial = which.rowCount() * (wide + columns) * 16 < PRODUCT_GRAIN;
        op(Kind.LOW_RANK, which.segmentCount(), serial);
        put(x).put(Address.of(which.rows())).put(Address.of(which.segments())).put(which.segmentCount());
        tape.put(which.terms()).put(slot).put(columns);
        put(out).put(stacked.size());
        for (int i = 0; i < stacked.size(); i++) {
            tape.put(stacked.get(i).rows());
        }
    }

    @Override
    public void rotate(
            Activations x, Rows rows, int column, int heads, int headDim, Ints positions, RotaryTable table) {
        if (rows.isEmpty()) {
            return;
        }
        rowsOp(Kind.ROTATE, rows.count(), (long) heads * headDim);
        put(x);
        put(rows).put(column).put(heads).put(headDim);
        tape.put(Address.of(positions)).put(Address.of(table.angles())).put(table.half());
    }

    private void put(KeyValues pages) {
        CpuPageTables tables = (CpuPageTables) pages.tables();
        PageLayout layout = pages.layout();
        tape.put(tables.tables()).put(tables.places()).put(pages.layer());
        tape.put(layout.type().ordinal()).put(layout.kvHeads()).put(layout.headDim());
    }

    @Override
    public void store(Activations x, Rows rows, int keyColumn, int valueColumn, Ints positions, KeyValues into) {
        if (rows.isEmpty()) {
            return;
        }
        PageLayout layout = into.layout();
        rowsOp(Kind.STORE, rows.count(), 2L * layout.kvHeads() * layout.headDim());
        put(x);
        put(rows).put(keyColumn).put(valueColumn).put(Address.of(positions));
        put(into);
    }

    @Override
    public void attend(Activations q, Rows rows, Attention how, Ints positions, KeyValues from, Activations out) {
        if (rows.isEmpty()) {
            return;
        }
        int headDim = from.layout().headDim();
        long partBytes = (long) how.heads() * rows.mostChunks() * (headDim + PART_HEAD) * Float.BYTES;
        if (rows.longCount() == 0) {
            attend(q, rows, 0, rows.taskCount(), 0, how, positions, from, out);
            return;
        }
        int most = (int) Math.max(AttentionTiling.HOST.rows(), MOST_PART_BYTES / partBytes);
        long address = parts.atLeast(Math.min(rows.count(), most + AttentionTiling.HOST.rows()) * partBytes);
        int longDone = 0;
        for (int task = 0; task < rows.taskCount(); ) {
            int first = rows.tasks().get(3 * task);
            int end = task;
            int last = first;
            while (end < rows.taskCount()) {
                int next = rows.tasks().get(3 * end) + rows.tasks().get(3 * end + 1);
                // A tile's chunks stay together.
                if (rows.tasks().get(3 * end) != last && next - first > most) {
                    break;
                }
                last = rows.tasks().get(3 * end);
                end++;
            }
            int past = end < rows.taskCount() ? rows.tasks().get(3 * end) : rows.count();
            long base = address - first * partBytes;
            attend(q, rows, task, end, base, how, positions, from, out);
            int longEnd = longDone;
            while (longEnd < rows.longCount() && rows.longRows().get(longEnd) < past) {
                longEnd++;
            }
            if (longEnd > longDone) {
                op(Kind.MERGE, longEnd - longDone, longEnd - longDone == 1);
                putAttend(q, rows, task, base, how, positions, from, out);
                tape.put(Address.of(rows.longRows()) + 4L * longDone);
            }
            longDone = longEnd;
            task = end;
        }
    }

    private void attend(
            Activations q,
            Rows rows,
            int task,
            int end,
            long base,
            Attention how,
            Ints positions,
            KeyValues from,
            Activations out) {
        long work = 0;
        for (int t = task; t < end; t++) {
            long tokens =
                    Math.min(Rows.CHUNK, positions.get(rows.get(rows.tasks().get(3 * t))) + 1);
            work += tokens
                    * rows.tasks().get(3 * t + 1)
                    * how.heads()
                    * from.layout().headDim();
        }
        op(Kind.ATTEND, (end - task) * from.layout().kvHeads(), work < ATTENTION_GRAIN);
        putAttend(q, rows, task, base, how, positions, from, out);
    }

    private void putAttend(
            Activations q,
            Rows rows,
            int task,
            long base,
            Attention how,
            Ints positions,
            KeyValues from,
            Activations out) {
        put(q);
        put(rows).put(Address.of(rows.tasks()) + 12L * task).put(Address.of(positions));
        put(from);
        tape.put(how.heads()).put(how.window()).put((double) how.scale()).put((double) how.softcap());
        put(out).put(base).put(rows.mostChunks());
    }

    @Override
    public void gate(Activations x, Rows rows, int width, Activation f, Activations out) {
        if (!rows.isEmpty()) {
            gate(x, address(rows), rows.count(), width, f, out);
        }
    }

    private void gate(Activations x, long index, int count, int width, Activation f, Activations out) {
        rowsOp(Kind.GATE, count, 2L * width);
        put(x).put(index).put(count).put(width).put(f.ordinal());
        put(out);
    }

    @Override
    public void softcap(Activations x, Rows rows, int width, float cap) {
        if (rows.isEmpty()) {
            return;
        }
        rowsOp(Kind.SOFTCAP, rows.count(), width);
        put(x);
        put(rows).put(width).put((double) cap);
    }

    @Override
    public void route(Activations x, Rows rows, Routing into) {
        if (rows.isEmpty()) {
            return;
        }
        op(Kind.ROUTE, 1, true);
        put(x);
        put(rows).put(into.experts()).put(into.used()).put(into.normalise() ? 1 : 0);
        tape.put(Address.of(into.offsets())).put(Address.of(into.slots())).put(Address.of(into.weights()));
    }

    @Override
    public void projectExperts(
            Activations x, Rows rows, boolean bySlot, Routing routing, List<Matrix> stacked, Activations out) {
        if (rows.isEmpty()) {
            return;
        }
        int columns = stacked.getFirst().columns();
        int panels = 0;
        boolean rounds = false;
        for (int i = 0; i < stacked.size(); i++) {
            Matrix m = stacked.get(i);
            check(m, columns, stacked.size());
            if (m.rows() % (routing.experts() * Panels.ROWS) != 0) {
                throw new IllegalArgumentException(
                        m.rows() + " rows of " + routing.experts() + " experts are not whole panels");
            }
            rounds |= m.type().isQuantized();
            panels += m.rows() / routing.experts() / Panels.ROWS;
        }
        int slots = rows.count() * routing.used();
        int inputs = bySlot ? slots : rows.count();
        long bytes = rounds ? quantize(x, bySlot ? 0 : address(rows), inputs, columns) : 0;
        int each =
                panelsPerTask(panels, (long) panels * Panels.ROWS * columns * Math.max(1, slots / routing.experts()));
        op(Kind.EXPERTS, routing.experts() * ((panels + each - 1) / each), false);
        put(x);
        put(rows);
        putQuantized(bytes, inputs, columns);
        put(out).put(columns)
                .put(each)
                .put(bySlot ? 1 : 0)
                .put(routing.experts())
                .put(routing.used());
        tape.put(stacked.size()).put(Address.of(routing.offsets())).put(Address.of(routing.slots()));
        for (int i = 0; i < stacked.size(); i++) {
            Matrix m = stacked.get(i);
            tape.put(Address.of(m)).put(0).put(m.type().ordinal()).put(m.rows() / routing.experts());
        }
    }

    @Override
    public void gateSlots(Activations x, int count, int width, Activation f, Activations out) {
        if (count > 0) {
            gate(x, 0, count, width, f, out);
        }
    }

    @Override
    public void combineExperts(Activations y, Rows rows, Routing routing, int width, Activations out) {
        if (rows.isEmpty()) {
            return;
        }
        rowsOp(Kind.COMBINE, rows.count(), (long) width * routing.used());
        put(y);
        put(rows).put(routing.used()).put(width).put(Address.of(routing.weights()));
        put(out);
    }

    @Override
    public void argmax(Activations x, Rows rows, int width, Ints out) {
        if (rows.isEmpty()) {
            return;
        }
        rowsOp(Kind.ARGMAX, rows.count(), width);
        put(x);
        put(rows).put(width).put(Address.of(out));
    }

    @Override
    public void copy(Activations from, Rows fromRows, Activations to, Rows toRows, int width) {
        if (fromRows.isEmpty()) {
            return;
        }
        rowsOp(Kind.COPY, fromRows.count(), width);
        put(from).put(address(fromRows));
        put(to).put(address(toRows)).put(fromRows.count()).put(width);
    }

    String describe() {
        return library.variantName() + " kernels, " + workers.count() + (workers.count() == 1 ? " thread" : " threads");
    }

    void close() {
        finish();
        tape.close();
        quantized.close();
        parts.close();
        meetingArena.close();
    }
}
