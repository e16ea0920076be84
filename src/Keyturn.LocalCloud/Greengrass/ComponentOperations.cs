using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;
using Keyturn.LocalCloud.Registry;

namespace Keyturn.LocalCloud.Greengrass;

/// <summary>Components and their versions: made, described, listed, deleted.</summary>
internal sealed class ComponentOperations(ComponentStore store, Artifacts artifacts, TimeProvider time)
{
    private const int MaxPage = 100;
    private static readonly MemberRule Scope = new(values: ["PRIVATE", "PUBLIC"]);
    private static readonly MemberRule Format = new(values: ["JSON", "YAML"]);

    private readonly ClientTokens _tokens = new("COMPONENT", time);

    public IEnumerable<ApiOperation> All => ((IEnumerable<ApiOperation>)[
        Operation("CreateComponentVersion", "POST", "/greengrass/v2/createComponentVersion", r => _tokens.Once(r, () => Create(r))),
        Operation("DescribeComponent", "GET", "/greengrass/v2/components/{arn}/metadata", r => new(Json: Describe(Version(r)))),
        Operation("GetComponent", "GET", "/greengrass/v2/components/{arn}", Get),
        Operation("ListComponents", "GET", "/greengrass/v2/components", List),
        Operation("ListComponentVersions", "GET", "/greengrass/v2/components/{arn}/versions", ListVersions),
        Operation("DeleteComponent", "DELETE", "/greengrass/v2/components/{arn}", Delete),
    ]).Saying("ValidationException");

    private ApiOperation Operation(string name, string method, string path, Func<ApiRequest, ApiResponse> answer) => new("greengrass", name, method, path, (request, _) =>
    {
        DeviceAccess.RefuseDevices(request);
        lock (store.Gate)
            return ValueTask.FromResult(answer(request));
    });

    private ApiResponse Create(ApiRequest request)
    {
        if (request.Json["lambdaFunction"] is not null)
            throw GreengrassErrors.Invalid("This cloud does not make components from Lambda functions: give an inlineRecipe.");
        var recipe = ComponentRecipe.Take(request.RequiredText("inlineRecipe"), (bucket, key) => artifacts.Read(request.Caller, bucket, key));
        if (!store.Components.TryGetValue(recipe.Name, out var versions))
            store.Components[recipe.Name] = versions = [];
        var made = new ComponentVersion(recipe, time.GetUtcNow());
        if (!versions.TryAdd(recipe.Version, made))
        {
            throw GreengrassErrors.Conflict(
                $"Component [{recipe.Name} : {recipe.Version.Text}] for account [{CloudAccount.Local.Id}] already exists with state: [DEPLOYABLE]", "COMPONENT", made.Arn);
        }

        return Created(made);
    }

    private static ApiResponse Created(ComponentVersion version) => new(201, new JsonObject
    {
        ["arn"] = version.Arn, ["componentName"] = version.Recipe.Name, ["componentVersion"] = version.Recipe.Version.Text,
        ["creationTimestamp"] = DeviceRegistry.Epoch(version.Created), ["status"] = Status("REQUESTED"),
    });

    private static JsonObject Status(string state) => new() { ["componentState"] = state, ["message"] = "NONE", ["errors"] = new JsonObject(), ["vendorGuidance"] = "ACTIVE" };

    private static JsonObject Describe(ComponentVersion version) => Published(version.Recipe, new JsonObject
    {
        ["arn"] = version.Arn, ["componentName"] = version.Recipe.Name, ["componentVersion"] = version.Recipe.Version.Text,
        ["creationTimestamp"] = DeviceRegistry.Epoch(version.Created), ["status"] = Status("DEPLOYABLE"),
        ["platforms"] = version.Recipe.Platforms, ["tags"] = new JsonObject(),
    });

    private static JsonObject Published(ComponentRecipe recipe, JsonObject json)
    {
        if (recipe.Publisher is { } publisher)
            json["publisher"] = publisher;
        if (recipe.Description is { } description)
            json["description"] = description;
        return json;
    }

    private ApiResponse Get(ApiRequest request)
    {
        var format = request.QueryText("recipeOutputFormat", Format) ?? "YAML";
        var recipe = Version(request).Recipe.Document;
        return new(Json: new JsonObject
        {
            ["recipeOutputFormat"] = format, ["recipe"] = Convert.ToBase64String(format == "JSON" ? RecipeText.Json(recipe) : RecipeText.Yaml(recipe)), ["tags"] = new JsonObject(),
        });
    }

    private ApiResponse List(ApiRequest request) => new(Json: request.Page(
        "components", request.QueryText("scope", Scope) == "PUBLIC" ? [] : store.Components, c => c.Key, c => new JsonObject
        {
            ["arn"] = ComponentStore.ArnOf(c.Key), ["componentName"] = c.Key, ["latestVersion"] = Latest(c.Value.Values.Last()),
        }, MaxPage));

    private static JsonObject Latest(ComponentVersion version) => Published(version.Recipe, new JsonObject
    {
        ["arn"] = version.Arn, ["componentVersion"] = version.Recipe.Version.Text, ["creationTimestamp"] = DeviceRegistry.Epoch(version.Created),
        ["platforms"] = version.Recipe.Platforms,
    });

    private ApiResponse ListVersions(ApiRequest request)
    {
        var arn = request.Label("arn");
        var name = ComponentStore.NameOf(arn) ?? throw GreengrassErrors.Invalid($"{arn} is not the ARN of a component.");
        var versions = store.Components.GetValueOrDefault(name) ?? throw GreengrassErrors.NotFound("COMPONENT", arn);
        return new(Json: request.Page("componentVersions", versions.Values.Reverse(), v => v.Recipe.Version.Text, v => new JsonObject
        {
            ["componentName"] = name, ["componentVersion"] = v.Recipe.Version.Text, ["arn"] = v.Arn,
        }, MaxPage));
    }

    /// <summary>Deployments that name the version fail from now on, as the documentation warns.</summary>
    private ApiResponse Delete(ApiRequest request)
    {
        var recipe = Version(request).Recipe;
        var versions = store.Components[recipe.Name];
        versions.Remove(recipe.Version);
        if (versions.Count == 0)
            store.Components.Remove(recipe.Name);
        return new ApiResponse(204);
    }

    private ComponentVersion Version(ApiRequest request) => store.FindByArn(request.Label("arn"));
}
