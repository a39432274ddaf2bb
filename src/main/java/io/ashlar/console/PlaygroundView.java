package io.ashlar.console;

import com.vaadin.flow.component.DetachEvent;
import com.vaadin.flow.component.UI;
import com.vaadin.flow.component.button.Button;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.Pre;
import com.vaadin.flow.component.html.Span;
import com.vaadin.flow.component.radiobutton.RadioButtonGroup;
import com.vaadin.flow.component.select.Select;
import com.vaadin.flow.component.textfield.IntegerField;
import com.vaadin.flow.component.textfield.NumberField;
import com.vaadin.flow.component.textfield.TextArea;
import com.vaadin.flow.router.BeforeEvent;
import com.vaadin.flow.router.HasUrlParameter;
import com.vaadin.flow.router.OptionalParameter;
import com.vaadin.flow.router.PageTitle;
import com.vaadin.flow.router.Route;
import io.ashlar.access.Actor;
import io.ashlar.access.InvalidRequestException;
import io.ashlar.catalog.Catalog;
import io.ashlar.document.Documents;
import io.ashlar.identity.ApiKeys;
import io.ashlar.identity.Tenant;
import io.ashlar.identity.Tenants;
import jakarta.annotation.security.RolesAllowed;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * A chat with one model or two side by side, through the API door like every caller: with a key of the tenant that lasts as long as
 * the page, so that it is counted and limited as the tenant's requests are.
 */
@Route("playground")
@PageTitle("Playground · Ashlar")
@RolesAllowed({ConsoleSecurity.ADMINISTRATOR, ConsoleSecurity.TENANT_ADMINISTRATOR, "TENANT_DEVELOPER"})
public class PlaygroundView extends Page implements HasUrlParameter<String> {
    private static final long serialVersionUID = 1;
    private static final Duration KEY_LIFE = Duration.ofHours(8);
    private static final Duration LONGEST = Duration.ofMinutes(5);

    private final transient ApiKeys keys;
    private final transient Catalog catalog;
    private final transient ApiAddress api;
    private final transient Clock clock;
    private final transient ConsoleActors actors;
    private final transient HttpClient http = HttpClient.newHttpClient();
    private final TenantPicker tenant;
    private final TextArea system = new TextArea("System message");
    private final TextArea prompt = new TextArea("Message");
    private final NumberField temperature = new NumberField("Temperature");
    private final IntegerField most = new IntegerField("Most tokens");
    private final Answer left = new Answer("Model");
    private final Answer right = new Answer("Second model");
    private final Pre curl = new Pre();
    private final Pre java = new Pre();
    private final Pre python = new Pre();
    private ApiKeys.@Nullable Made key;
    private @Nullable UUID keyOf;
    /** Known when the page is left too, where there may be no request any more that says who it is. */
    private transient @Nullable Actor keyMaker;

    public PlaygroundView(
            ApiKeys keys, Catalog catalog, Tenants tenants, ApiAddress api, Clock clock, ConsoleActors actors) {
        super("Playground");
        this.keys = keys;
        this.catalog = catalog;
        this.api = api;
        this.clock = clock;
        this.actors = actors;
        Actor actor = actors.actor();
        tenant = new TenantPicker(tenants, actors);
        tenant.setLabel("As tenant");
        tenant.setVisible(actor.tenant() == null);
        tenant.addValueChangeListener(e -> models());
        system.setWidthFull();
        system.setMinHeight("3.5rem");
        prompt.setWidthFull();
        prompt.setMinHeight("6rem");
        prompt.setValue("What is the capital of Japan?");
        temperature.setValue(0.7);
        temperature.setMin(0);
        temperature.setMax(2);
        temperature.setStep(0.1);
        most.setValue(128);
        most.setMin(1);
        right.model.setEmptySelectionAllowed(true);
        right.model.setEmptySelectionCaption("none");
        right.model.setPlaceholder("none");
        Button send = primary("Send", this::send);
        Div parameters = new Div(tenant, temperature, most, send);
        parameters.addClassName("filters");
        parameters.getStyle().set("align-items", "end");
        Div answers = new Div(left, right);
        answers.addClassName("panels");
        RadioButtonGroup<String> language = new RadioButtonGroup<>();
        language.setAriaLabel("Language");
        language.setItems("curl", "Java", "Python");
        language.setValue("curl");
        for (Pre code : List.of(curl, java, python)) {
            code.getElement().setAttribute("tabindex", "0"); // it may have to be scrolled
            code.setVisible(code == curl);
        }
        language.addValueChangeListener(e -> {
            curl.setVisible(e.getValue().equals("curl"));
            java.setVisible(e.getValue().equals("Java"));
            python.setVisible(e.getValue().equals("Python"));
        });
        Div same = panel("The same in code", language, curl, java, python);
        same.getStyle().set("margin-top", "0.75rem");
        add(system, prompt, parameters, answers, same);
        for (com.vaadin.flow.component.HasValue<?, ?> field :
                List.of(prompt, system, temperature, most, left.model, right.model)) {
            field.addValueChangeListener(e -> showCode());
        }
    }

    @Override
    public void setParameter(BeforeEvent event, @OptionalParameter @Nullable String name) {
        attempt(() -> tenant.choose(name));
    }

    private void models() {
        Tenant chosen = tenant.getValue();
        attempt(() -> {
            List<String> granted =
                    chosen == null ? List.of() : List.copyOf(catalog.grantsOf(chosen.id(), actors.actor()));
            left.model.setItems(granted);
            right.model.setItems(granted);
            granted.stream().findFirst().ifPresent(left.model::setValue);
        });
        showCode();
    }

    private void send() {
        attempt(() -> {
            if (tenant.getValue() == null || left.model.getValue() == null) {
                throw new InvalidRequestException("model", "Choose a model; the tenant must be granted one.");
            }
            String secret = secret(tenant.getValue().id());
            for (Answer answer : List.of(left, right)) {
                String model = answer.model.getValue();
                if (model != null) {
                    answer.ask(UI.getCurrent(), http, request(model, secret));
                }
            }
        });
    }

    /** A key of this page alone. */
    private String secret(UUID of) {
        ApiKeys.Made made = key;
        if (made == null || !of.equals(keyOf)) {
            Actor actor = actors.actor();
            revoke(actor);
            made = keys.create(
                    of,
                    Tenants.FIRST_PROJECT,
                    "playground of " + actor.name(),
                    clock.instant().plus(KEY_LIFE),
                    actor);
            key = made;
            keyOf = of;
            keyMaker = actor;
        }
        return made.text();
    }

    private void revoke(Actor actor) {
        ApiKeys.Made made = key;
        UUID of = keyOf;
        if (made != null && of != null) {
            keys.revoke(of, made.id(), actor);
            key = null;
        }
    }

    @Override
    protected void onDetach(DetachEvent event) {
        Actor maker = keyMaker;
        if (maker != null) {
            attempt(() -> revoke(maker));
        }
    }

    private HttpRequest request(String model, String secret) {
        return HttpRequest.newBuilder(URI.create(api.url() + "/v1/chat/completions"))
                .timeout(LONGEST)
                .header("Authorization", "Bearer " + secret)
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofByteArray(Documents.json(body(model, true))))
                .build();
    }

    private Map<String, Object> body(String model, boolean stream) {
        Map<String, Object> body = new LinkedHashMap<>();
        body.put("model", model);
        Map<String, String> asked = Map.of("role", "user", "content", prompt.getValue());
        body.put(
                "messages",
                system.isEmpty()
                        ? List.of(asked)
                        : List.of(Map.of("role", "system", "content", system.getValue()), asked));
        body.put("temperature", temperature.getValue() == null ? 1.0 : temperature.getValue());
        body.put("max_tokens", most.getValue() == null ? 128 : most.getValue());
        if (stream) {
            body.put("stream", true);
        }
        return body;
    }

    private void showCode() {
        String model = left.model.getValue() == null ? "MODEL" : left.model.getValue();
        String json = new String(Documents.json(body(model, false)), StandardCharsets.UTF_8);
        String base = api.url() + "/v1";
        curl.setText("curl " + base + "/chat/completions \\\n  -H \"Authorization: Bearer $ASHLAR_API_KEY\" \\\n"
                + "  -H 'Content-Type: application/json' \\\n  -d '" + json.replace("'", "'\\''") + "'");
        String text = new String(Documents.json(prompt.getValue()), StandardCharsets.UTF_8);
        java.setText("OpenAIClient client = OpenAIOkHttpClient.builder()\n    .baseUrl(\"" + base
                + "\")\n    .apiKey(System.getenv(\"ASHLAR_API_KEY\"))\n    .build();\nclient.chat().completions().create("
                + "ChatCompletionCreateParams.builder()\n    .model(\"" + model + "\")\n    .addUserMessage(" + text
                + ")\n    .temperature(" + temperature.getValue() + ")\n    .maxTokens(" + most.getValue()
                + ")\n    .build());");
        python.setText("import os\nfrom openai import OpenAI\n\nclient = OpenAI(base_url=\"" + base
                + "\", api_key=os.environ[\"ASHLAR_API_KEY\"])\nanswer = client.chat.completions.create(\n    model=\""
                + model
                + "\",\n    messages=[{\"role\": \"user\", \"content\": " + text + "}],\n    temperature="
                + temperature.getValue() + ",\n    max_tokens=" + most.getValue() + ",\n)\n"
                + "print(answer.choices[0].message.content)");
    }

    /** One model's answer as it comes, and how fast. */
    private static final class Answer extends Div {
        private static final long serialVersionUID = 1;
        private final Select<String> model = new Select<>();
        private final Pre text = new Pre();
        private final Span speed = new Span();
        private transient AtomicBoolean current = new AtomicBoolean();

        Answer(String label) {
            addClassName("panel");
            model.setLabel(label);
            text.addClassName("answer");
            text.getElement().setAttribute("aria-live", "polite");
            speed.addClassName("zoo-note");
            add(model, text, speed);
        }

        void ask(UI ui, HttpClient http, HttpRequest request) {
            current.set(false);
            AtomicBoolean mine = new AtomicBoolean(true);
            current = mine;
            text.setText("");
            speed.setText("waiting for the first token …");
            Thread.ofVirtual().name("playground").start(() -> run(ui, http, request, mine));
        }

        private void run(UI ui, HttpClient http, HttpRequest request, AtomicBoolean mine) {
            long begun = System.nanoTime();
            try {
                HttpResponse<Stream<String>> response = http.send(request, HttpResponse.BodyHandlers.ofLines());
                try (Stream<String> lines = response.body()) {
                    if (response.statusCode() != 200) {
                        JsonNode error = Documents.parse(String.join("", lines.toList()));
                        show(ui, mine, error.path("error").path("message").asString("It was refused."), "");
                        return;
                    }
                    read(ui, mine, lines, begun);
                }
            } catch (IOException e) {
                show(ui, mine, "The API did not answer: " + e.getMessage(), "");
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }

        private void read(UI ui, AtomicBoolean mine, Stream<String> lines, long begun) {
            StringBuilder all = new StringBuilder();
            long[] first = {0};
            int[] tokens = {0};
            lines.takeWhile(l -> mine.get() && !l.equals("data: [DONE]"))
                    .filter(l -> l.startsWith("data: "))
                    .forEach(l -> {
                        JsonNode delta = Documents.parse(l.substring("data: ".length()))
                                .path("choices")
                                .path(0)
                                .path("delta")
                                .path("content");
                        if (delta.isString() && !delta.stringValue().isEmpty()) {
                            first[0] = first[0] == 0 ? System.nanoTime() : first[0];
                            tokens[0]++;
                            all.append(delta.stringValue());
                            show(ui, mine, all.toString(), speed(begun, first[0], tokens[0]));
                        }
                    });
        }

        private static String speed(long begun, long first, int tokens) {
            double seconds = (System.nanoTime() - first) / 1e9;
            return String.format(
                    Locale.ROOT,
                    "first token after %.0f ms, %d pieces, %.0f per second",
                    (first - begun) / 1e6,
                    tokens,
                    tokens < 2 ? 0 : (tokens - 1) / Math.max(seconds, 1e-6));
        }

        private void show(UI ui, AtomicBoolean mine, String content, String note) {
            push(ui, () -> {
                if (mine.get()) {
                    text.setText(content);
                    speed.setText(note);
                }
            });
        }
    }
}
