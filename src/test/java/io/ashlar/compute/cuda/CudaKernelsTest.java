package io.ashlar.compute.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.compute.Activation;
import io.ashlar.compute.Activations;
import io.ashlar.compute.Buffer;
import io.ashlar.compute.Ints;
import io.ashlar.compute.Kernels;
import io.ashlar.compute.Rows;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What is asked of the driver, and in which order: on a driver that writes it down. */
class CudaKernelsTest {
    private final RecordingGpu gpu = new RecordingGpu(256 << 20);
    private final CudaDevice device = new CudaDevice("cuda:0", gpu, 0, 0);
    private final Kernels kernels = device.kernels();
    private final Buffer memory = device.allocate(1 << 20);
    private final Activations x = new Activations(memory, 64, 256);

    @AfterEach
    void close() {
        gpu.failing = "";
        device.close();
    }

    private void gate(Rows rows) {
        kernels.gate(x, rows, 64, Activation.SILU, x);
    }

    private Rows rows(int count) {
        Rows rows = new Rows(device);
        for (int i = 0; i < count; i++) {
            rows.add(i);
        }
        return rows;
    }

    private static void set(Rows rows, int count) {
        rows.clear();
        for (int i = 0; i < count; i++) {
            rows.add(i);
        }
    }

    private List<String> step(Rows rows) {
        gpu.taken();
        gate(rows);
        gate(rows);
        kernels.finish();
        return gpu.taken();
    }

    @Test
    void numbers_go_up_before_the_kernels_that_read_them() {
        List<String> calls = step(rows(3));
        List<String> kinds = calls.stream()
                .map(c -> c.replaceAll(" (on )?[0-9]+$", ""))
                .distinct()
                .toList();
        assertThat(kinds).containsSubsequence("in", "launch scatter_words", "launch gate_silu");
        assertThat(calls.getLast()).isEqualTo("synchronize");
        assertThat(calls.stream().filter(c -> c.startsWith("launch gate_silu"))).hasSize(2);
        assertThat(calls.getLast()).isEqualTo("synchronize");
    }

    @Test
    void steps_of_one_size_become_a_graph_the_second_time() {
        Rows rows = rows(3);
        step(rows);
        set(rows, 4); // three and four rows have the same grids
        assertThat(step(rows)).contains("graph of 2", "launch graph");
        set(rows, 3);
        assertThat(step(rows)).contains("launch graph").doesNotContain("graph of 2");
        set(rows, 5);
        assertThat(step(rows)).doesNotContain("launch graph");
        assertThat(step(rows)).contains("graph of 2");
        set(rows, 4);
        assertThat(step(rows)).contains("launch graph").doesNotContain("graph of 2");
        assertThat(device.runs()).containsExactly(4, 2);
    }

    @Test
    void a_step_with_other_buffers_is_another_graph() {
        Rows rows = rows(2);
        step(rows);
        step(rows);
        Rows others = rows(2);
        assertThat(step(others)).doesNotContain("launch graph");
    }

    @Test
    void unchanged_numbers_are_not_sent_again() {
        Rows rows = rows(2);
        step(rows);
        assertThat(step(rows)).noneMatch(c -> c.startsWith("in "));
    }

    @Test
    void sides_run_on_streams_of_their_own_between_fork_and_join() {
        Rows rows = rows(2);
        gate(rows);
        kernels.join();
        gpu.taken();
        for (int side = 0; side < 2; side++) {
            kernels.beside(side);
            gate(rows);
        }
        kernels.join();
        gate(rows);
        kernels.finish();
        List<String> calls = gpu.taken().stream()
                .filter(c -> c.contains("gate") || c.startsWith("await"))
                .toList();
        String main = calls.getFirst().substring(calls.getFirst().lastIndexOf(' ') + 1);
        // Before, side 0, (side 1 waits for before), side 1, (main waits for side 1), after.
        assertThat(calls).hasSize(6);
        assertThat(calls.get(0)).endsWith("on " + main);
        assertThat(calls.get(1)).endsWith("on " + main);
        String side = calls.get(2).substring("await ".length());
        assertThat(side).isNotEqualTo(main);
        assertThat(calls.get(3)).startsWith("launch").endsWith("on " + side);
        assertThat(calls.get(4)).isEqualTo("await " + main);
        assertThat(calls.get(5)).startsWith("launch").endsWith("on " + main);
    }

    @Test
    void a_graph_keeps_the_order_of_sides_and_epochs() {
        Launches launches = new Launches();
        launches.add(1, 1, 1, 1, 32, 0);
        launches.join();
        launches.beside(0);
        launches.add(2, 1, 1, 1, 32, 0);
        launches.beside(1);
        launches.add(3, 1, 1, 1, 32, 0);
        launches.add(4, 1, 1, 1, 32, 0);
        launches.join();
        launches.add(5, 1, 1, 1, 32, 0);
        List<int[]> after = launches.after();
        assertThat(after.get(0)).isEmpty();
        assertThat(after.get(1)).containsExactly(0);
        assertThat(after.get(2)).containsExactly(0);
        assertThat(after.get(3)).containsExactly(2);
        assertThat(after.get(4)).containsExactly(1, 3);
    }

    @Test
    void two_steps_may_be_under_way_and_a_third_is_refused() {
        Rows rows = rows(1);
        gate(rows);
        Kernels.Submitted first = kernels.submit();
        gate(rows);
        Kernels.Submitted second = kernels.submit();
        gate(rows);
        assertThatThrownBy(kernels::submit).hasMessageContaining("under way");
        first.await();
        kernels.submit().await();
        second.await();
    }

    @Test
    void an_error_of_the_driver_comes_out_and_the_next_step_is_whole() {
        Rows rows = rows(2);
        step(rows);
        gpu.failing = "synchronize";
        gate(rows);
        set(rows, 3);
        assertThatThrownBy(kernels::finish).isInstanceOf(CudaException.class).hasMessageContaining("illegal memory");
        kernels.discard();
        assertThat(step(rows).stream().filter(c -> c.contains("gate_silu"))).hasSize(2);
    }

    @Test
    void what_kernels_write_for_the_host_is_copied_out_once_a_step() {
        Ints best = device.ints(8);
        gpu.taken();
        kernels.argmax(x, rows(2), 64, best);
        kernels.argmax(x, rows(3), 64, best);
        kernels.finish();
        assertThat(gpu.taken().stream().filter(c -> c.startsWith("out "))).containsExactly("out 32");
    }

    @Test
    void grids_are_rounded_up_to_few_sizes() {
        assertThat(List.of(1, 2, 3, 5, 7, 13, 17, 25, 33, 49, 97, 256, 257).stream()
                        .map(CudaKernels::bucket))
                .containsExactly(1, 2, 4, 6, 8, 16, 24, 32, 48, 64, 128, 256, 384);
    }

    @Test
    void memory_is_accounted_for_by_use_and_a_full_device_refuses() {
        long before = device.memory().pages();
        Buffer pages = device.allocatePages(32 << 20);
        assertThat(device.memory().pages() - before).isEqualTo(32 << 20);
        assertThatThrownBy(() -> device.allocatePages(256 << 20)).hasMessageContaining("cuda:0 has no 268435456 bytes");
        pages.close();
        assertThat(device.memory().pages()).isEqualTo(before);
        assertThat(device.memory().free())
                .isEqualTo(device.memory().total()
                        - device.memory().steps()
                        - device.memory().weights());
    }

    @Test
    void nothing_is_asked_of_the_drivers_memory_after_the_start() {
        Rows rows = rows(2);
        gpu.taken();
        device.allocate(1 << 20).close();
        step(rows);
        assertThat(gpu.taken()).noneMatch(c -> c.startsWith("allocate"));
    }
}
