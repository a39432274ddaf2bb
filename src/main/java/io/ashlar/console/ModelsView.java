package io.ashlar.console;

import com.vaadin.flow.component.AttachEvent;
import com.vaadin.flow.component.UI;
import com.vaadin.flow.component.button.Button;
import com.vaadin.flow.component.dialog.Dialog;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.NativeButton;
import com.vaadin.flow.component.html.Paragraph;
import com.vaadin.flow.component.html.Section;
import com.vaadin.flow.component.html.Span;
import com.vaadin.flow.component.orderedlayout.VerticalLayout;
import com.vaadin.flow.component.select.Select;
import com.vaadin.flow.component.textfield.TextField;
import com.vaadin.flow.router.PageTitle;
import com.vaadin.flow.router.Route;
import io.ashlar.access.Actor;
import io.ashlar.access.Permission;
import io.ashlar.block.Quantization;
import io.ashlar.serving.Imports;
import io.ashlar.serving.ModelLibrary;
import io.ashlar.serving.ModelLibrary.Block;
import io.ashlar.serving.ModelLibrary.Chain;
import io.ashlar.serving.ModelSummary;
import jakarta.annotation.security.RolesAllowed;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.stream.Collectors;

/** The block zoo as a picture: models are columns, depth goes down, and blocks that models share have one colour. */
@Route("models")
@PageTitle("Models · Ashlar")
@RolesAllowed({ConsoleSecurity.ADMINISTRATOR, ConsoleSecurity.VIEWER})
public class ModelsView extends Page {
    private static final long serialVersionUID = 1;
    private static final int HASH_DIGITS = 12;
    private static final Duration LOOK = Duration.ofMillis(300);

    private final transient ModelLibrary library;
    private final transient Imports imports;
    private final transient ConsoleActors actors;
    private final Section figures = new Section();
    private final Div zoo = new Div();
    private final Div jobs = new Div();

    public ModelsView(ModelLibrary library, Imports imports, ConsoleActors actors) {
        super("Models");
        this.library = library;
        this.imports = imports;
        this.actors = actors;
        figures.addClassName("figures");
        zoo.addClassName("zoo");
        zoo.getElement().setAttribute("tabindex", "0");
        zoo.getElement().setAttribute("role", "group");
        zoo.getElement().setAttribute("aria-label", "Models and their blocks");
        Paragraph how = new Paragraph(
                "Each column is a model, from its first block to its last. Blocks of one colour are the same block, kept once;"
                        + " grey ones are a model's own.");
        Div panel = panel("Blocks", how, zoo);
        panel.getStyle().set("margin-top", "0.75rem");
        Div running = panel("Imports", jobs);
        running.getStyle().set("margin-top", "0.75rem");
        if (actors.actor().may(Permission.CHANGE_PLATFORM)) {
            running.add(new Button("Import a model or an adapter", e -> importOne()));
        }
        add(figures, panel, running);
        refresh();
    }

    private void importOne() {
        Dialog dialog = new Dialog("Import a model or an adapter");
        TextField path = new TextField("Folder or file");
        path.setHelperText(
                "A whole path of the server's machine: a Hugging Face folder, an adapter's folder, or a GGUF file.");
        path.setWidthFull();
        TextField name = new TextField("Name");
        name.setHelperText("It is served under this name.");
        name.setWidthFull();
        TextField base = new TextField("Base of an adapter");
        base.setHelperText("Empty takes the one that its configuration names.");
        base.setWidthFull();
        Select<Quantization> quantize = new Select<>();
        quantize.setLabel("Weights");
        quantize.setItems(Quantization.values());
        quantize.setItemLabelGenerator(q -> q == Quantization.NONE ? "as they are" : q.name());
        quantize.setValue(Quantization.NONE);
        Button start = primary("Import", () -> {
            if (attempt(() -> imports.start(
                    Path.of(path.getValue().strip()),
                    name.getValue().strip(),
                    base.isEmpty() ? null : base.getValue().strip(),
                    quantize.getValue(),
                    actors.actor()))) {
                dialog.close();
                done("The import has begun.");
                follow();
            }
        });
        VerticalLayout form = new VerticalLayout(path, name, base, quantize);
        form.setPadding(false);
        dialog.add(form);
        dialog.getFooter().add(new Button("Cancel", e -> dialog.close()), start);
        dialog.setWidth("32rem");
        dialog.open();
    }

    @Override
    protected void onAttach(AttachEvent event) {
        follow();
    }

    /** Shows imports, and goes on as long as one runs and somebody looks. */
    private void follow() {
        UI ui = UI.getCurrent();
        Actor actor = actors.actor();
        List<Imports.Job> all = imports.all(actor);
        show(all);
        if (all.stream().noneMatch(j -> j.state() == Imports.State.RUNNING)) {
            return;
        }
        Thread.ofVirtual().name("import-progress").start(() -> {
            boolean running = true;
            while (running && ui.isAttached()) {
                try {
                    Thread.sleep(LOOK);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                    return;
                }
                List<Imports.Job> now = imports.all(actor);
                boolean more = now.stream().anyMatch(j -> j.state() == Imports.State.RUNNING);
                push(ui, () -> {
                    show(now);
                    if (!more) {
                        refresh();
                    }
                });
                running = more;
            }
        });
    }

    private void show(List<Imports.Job> all) {
        jobs.removeAll();
        if (all.isEmpty()) {
            jobs.add(new Paragraph("None since the server started."));
        }
        for (Imports.Job job : all) {
            double part = job.state() == Imports.State.DONE ? 1 : (double) job.stored() / Math.max(1, job.blocks());
            jobs.add(bar(
                    job.name(),
                    part,
                    switch (job.state()) {
                        case RUNNING -> job.stored() + " of " + job.blocks();
                        case DONE -> "done";
                        case FAILED -> "failed";
                    }));
            if (!job.message().isEmpty()) {
                jobs.add(new Paragraph(job.message()));
            }
        }
    }

    private void refresh() {
        attempt(() -> {
            Actor actor = actors.actor();
            List<Chain> chains = library.chains(actor);
            long apart = chains.stream()
                    .flatMap(c -> c.blocks().stream())
                    .mapToLong(Block::bytes)
                    .sum();
            long together = library.totalBytes(actor);
            figures.removeAll();
            figures.add(
                    figure("Models", String.valueOf(chains.size()), "adapters included"),
                    figure("On disk", OverviewView.size(together), "each block once"),
                    figure("Saved by sharing", OverviewView.size(apart - together), "of " + OverviewView.size(apart)));
            Map<String, ModelSummary> summaries =
                    library.list(actor).stream().collect(Collectors.toMap(ModelSummary::name, Function.identity()));
            zoo.removeAll();
            if (chains.isEmpty()) {
                zoo.add(empty("No models yet", "Import one below, or with ./ashlar models import DIR --name NAME."));
            }
            Map<List<String>, Integer> families = new LinkedHashMap<>();
            chains.forEach(c -> zoo.add(column(c, Objects.requireNonNull(summaries.get(c.name())), families, actor)));
        });
    }

    private static Figure figure(String name, String value, String note) {
        Figure figure = new Figure(name);
        figure.show(value, note);
        return figure;
    }

    private Div column(Chain chain, ModelSummary summary, Map<List<String>, Integer> families, Actor actor) {
        Span name = new Span(chain.name());
        name.addClassName("zoo-name");
        Span note = new Span(
                chain.base() == null
                        ? OverviewView.size(summary.bytes()) + ", own " + OverviewView.size(summary.ownBytes())
                        : "adapter of " + chain.base() + ", " + OverviewView.size(summary.bytes()));
        note.addClassName("zoo-note");
        Div column = new Div(name, note);
        column.addClassName("zoo-model");
        for (int i = 0; i < chain.blocks().size(); i++) {
            column.add(block(chain, i, families));
        }
        if (actor.may(Permission.CHANGE_PLATFORM)) {
            Button remove = small("Remove", () -> remove(chain, summary));
            remove.setAriaLabel("Remove " + chain.name());
            column.add(remove);
        }
        return column;
    }

    /** Blocks shared by the same models have one hue; its lightness changes with the depth, so that rows can be told apart. */
    private static NativeButton block(Chain chain, int depth, Map<List<String>, Integer> families) {
        Block block = chain.blocks().get(depth);
        NativeButton button = new NativeButton(String.valueOf(depth), e -> open(block));
        button.addClassName("zoo-block");
        String color = "#c9d0d8";
        if (block.models().size() > 1) {
            int family = families.computeIfAbsent(block.models(), k -> families.size());
            int hue = (210 + family * 137) % 360;
            color = "hsl(" + hue + " 55% " + (62 + Math.floorMod(block.id().hashCode(), 5) * 4) + "%)";
        }
        button.getStyle().set("background", color);
        button.setTitle(block.models().size() > 1 ? "Shared by " + String.join(", ", block.models()) : "Its own");
        button.getElement()
                .setAttribute(
                        "aria-label",
                        "Block " + depth + " of " + chain.name() + ", "
                                + (block.models().size() > 1
                                        ? "shared by " + block.models().size() + " models"
                                        : "its own"));
        return button;
    }

    private static void open(Block block) {
        Dialog dialog = new Dialog("Block "
                + block.id().substring(0, Math.min(HASH_DIGITS, block.id().length())) + "…");
        Span id = new Span(block.id());
        id.addClassNames("code", "secret");
        dialog.add(
                new Paragraph("Named by the SHA-256 of its content:"),
                id,
                new Paragraph(
                        OverviewView.size(block.bytes()) + ", used by " + String.join(", ", block.models()) + "."));
        dialog.getFooter().add(new Button("Close", e -> dialog.close()));
        dialog.setWidth("34rem");
        dialog.open();
    }

    private void remove(Chain chain, ModelSummary summary) {
        confirm(
                "Remove " + chain.name() + "?",
                "Its deployments end, with their grants, limits and prices. " + OverviewView.size(summary.ownBytes())
                        + " would be freed: the blocks that no other model uses.",
                "Remove",
                () -> {
                    Map<String, Long> freed = new HashMap<>();
                    if (attempt(() -> freed.put("bytes", library.remove(chain.name(), actors.actor())))) {
                        done("Removed " + chain.name() + ", freed " + OverviewView.size(freed.getOrDefault("bytes", 0L))
                                + ".");
                        refresh();
                    }
                });
    }
}
