/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Draws with Vulkan, in a guest or in the parent: a triangle, copied to memory that the CPU
 * reads.
 *
 *   vulkan scene FILE    a picture of 256 by 256, as RGBA
 *   vulkan check FRAMES  as many, turned a little each, and back: the last is as the first
 *   vulkan loop          draws until it is killed, or the device is lost: that ends it with 3
 *
 * What it draws with it says first, as "VULKAN_DEVICE: NAME (DRIVER)".
 */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vulkan/vulkan.h>

#include "scene-frag.h"
#include "scene-vert.h"

#define SIZE 256u
#define BYTES ((VkDeviceSize)SIZE * SIZE * 4)
#define FORMAT VK_FORMAT_R8G8B8A8_UNORM
#define FRAME_NS 60000000000u
#define LOST 3

static const float corners[3][5] = {
	{ 0.0f, -0.9f, 1.0f, 0.0f, 0.0f },
	{ 0.8f, 0.7f, 0.0f, 1.0f, 0.0f },
	{ -0.8f, 0.7f, 0.0f, 0.0f, 1.0f },
};

static struct {
	VkInstance instance;
	VkPhysicalDevice physical;
	VkPhysicalDeviceMemoryProperties memory;
	VkDevice device;
	VkQueue queue;
	uint32_t family;
	VkImage image;
	VkImageView view;
	VkRenderPass pass;
	VkFramebuffer target;
	VkPipelineLayout layout;
	VkPipeline pipeline;
	VkBuffer vertices, result;
	const uint8_t *pixels; /* of result */
	VkCommandBuffer commands;
	VkFence fence;
} self;

static _Noreturn void die(const char *format, ...)
{
	va_list arguments;

	fputs("vulkan: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(1);
}

static void must(VkResult result, const char *what)
{
	if (result == VK_ERROR_DEVICE_LOST) {
		printf("vulkan: %s: the device is lost\n", what);
		exit(LOST);
	}
	if (result != VK_SUCCESS)
		die("%s: %d", what, (int)result);
}

/* ---- the device ---- */

static void make_instance(void)
{
	const VkApplicationInfo application = {
		.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
		.pApplicationName = "vulkan",
		.apiVersion = VK_API_VERSION_1_1,
	};
	const VkInstanceCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
		.pApplicationInfo = &application,
	};

	must(vkCreateInstance(&info, NULL, &self.instance), "vkCreateInstance");
}

static void find_device(void)
{
	VkPhysicalDeviceDriverProperties driver = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES,
	};
	VkPhysicalDeviceProperties2 properties = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
		.pNext = &driver,
	};
	uint32_t count = 1;
	VkResult result = vkEnumeratePhysicalDevices(self.instance, &count, &self.physical);

	if (result != VK_INCOMPLETE)
		must(result, "vkEnumeratePhysicalDevices");
	if (!count)
		die("there is no device");
	vkGetPhysicalDeviceProperties2(self.physical, &properties);
	vkGetPhysicalDeviceMemoryProperties(self.physical, &self.memory);
	printf("VULKAN_DEVICE: %s (%s)\n", properties.properties.deviceName, driver.driverName);
	fflush(stdout);
}

static void make_device(void)
{
	VkQueueFamilyProperties families[16];
	uint32_t count = 16;
	const float priority = 1.0f;
	VkDeviceQueueCreateInfo queue = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
		.queueCount = 1,
		.pQueuePriorities = &priority,
	};
	const VkDeviceCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
		.queueCreateInfoCount = 1,
		.pQueueCreateInfos = &queue,
	};

	vkGetPhysicalDeviceQueueFamilyProperties(self.physical, &count, families);
	while (self.family < count && !(families[self.family].queueFlags & VK_QUEUE_GRAPHICS_BIT))
		self.family++;
	if (self.family == count)
		die("no queue draws");
	queue.queueFamilyIndex = self.family;
	must(vkCreateDevice(self.physical, &info, NULL, &self.device), "vkCreateDevice");
	vkGetDeviceQueue(self.device, self.family, 0, &self.queue);
}

/* ---- memory ---- */

static VkDeviceMemory allocate(const VkMemoryRequirements *needs, VkMemoryPropertyFlags wanted)
{
	VkMemoryAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
		.allocationSize = needs->size,
	};
	VkDeviceMemory memory;
	uint32_t i = 0;

	while (i < self.memory.memoryTypeCount &&
	       (!(needs->memoryTypeBits & 1u << i) ||
		(self.memory.memoryTypes[i].propertyFlags & wanted) != wanted))
		i++;
	if (i == self.memory.memoryTypeCount)
		die("no memory of that kind");
	info.memoryTypeIndex = i;
	must(vkAllocateMemory(self.device, &info, NULL, &memory), "vkAllocateMemory");
	return memory;
}

/* *bytes: where the CPU has it. */
static VkBuffer make_buffer(VkDeviceSize size, VkBufferUsageFlags usage, void **bytes)
{
	const VkBufferCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
		.size = size,
		.usage = usage,
	};
	VkMemoryRequirements needs;
	VkDeviceMemory memory;
	VkBuffer buffer;

	must(vkCreateBuffer(self.device, &info, NULL, &buffer), "vkCreateBuffer");
	vkGetBufferMemoryRequirements(self.device, buffer, &needs);
	memory = allocate(&needs, VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
					  VK_MEMORY_PROPERTY_HOST_COHERENT_BIT);
	must(vkBindBufferMemory(self.device, buffer, memory, 0), "vkBindBufferMemory");
	must(vkMapMemory(self.device, memory, 0, size, 0, bytes), "vkMapMemory");
	return buffer;
}

static void make_image(void)
{
	const VkImageCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
		.imageType = VK_IMAGE_TYPE_2D,
		.format = FORMAT,
		.extent = { SIZE, SIZE, 1 },
		.mipLevels = 1,
		.arrayLayers = 1,
		.samples = VK_SAMPLE_COUNT_1_BIT,
		.usage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT,
	};
	VkImageViewCreateInfo view = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO,
		.viewType = VK_IMAGE_VIEW_TYPE_2D,
		.format = FORMAT,
		.subresourceRange = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1 },
	};
	VkMemoryRequirements needs;

	must(vkCreateImage(self.device, &info, NULL, &self.image), "vkCreateImage");
	vkGetImageMemoryRequirements(self.device, self.image, &needs);
	must(vkBindImageMemory(self.device, self.image, allocate(&needs, 0), 0),
	     "vkBindImageMemory");
	view.image = self.image;
	must(vkCreateImageView(self.device, &view, NULL, &self.view), "vkCreateImageView");
}

/* ---- what is drawn, and how ---- */

static void make_target(void)
{
	const VkAttachmentDescription attachment = {
		.format = FORMAT,
		.samples = VK_SAMPLE_COUNT_1_BIT,
		.loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR,
		.storeOp = VK_ATTACHMENT_STORE_OP_STORE,
		.finalLayout = VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL,
	};
	const VkAttachmentReference colour = { 0, VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL };
	const VkSubpassDescription subpass = {
		.pipelineBindPoint = VK_PIPELINE_BIND_POINT_GRAPHICS,
		.colorAttachmentCount = 1,
		.pColorAttachments = &colour,
	};
	/* The copy comes after the drawing. */
	const VkSubpassDependency dependency = {
		.dstSubpass = VK_SUBPASS_EXTERNAL,
		.srcStageMask = VK_PIPELINE_STAGE_COLOR_ATTACHMENT_OUTPUT_BIT,
		.dstStageMask = VK_PIPELINE_STAGE_TRANSFER_BIT,
		.srcAccessMask = VK_ACCESS_COLOR_ATTACHMENT_WRITE_BIT,
		.dstAccessMask = VK_ACCESS_TRANSFER_READ_BIT,
	};
	const VkRenderPassCreateInfo pass = {
		.sType = VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO,
		.attachmentCount = 1,
		.pAttachments = &attachment,
		.subpassCount = 1,
		.pSubpasses = &subpass,
		.dependencyCount = 1,
		.pDependencies = &dependency,
	};
	VkFramebufferCreateInfo target = {
		.sType = VK_STRUCTURE_TYPE_FRAMEBUFFER_CREATE_INFO,
		.attachmentCount = 1,
		.pAttachments = &self.view,
		.width = SIZE,
		.height = SIZE,
		.layers = 1,
	};

	must(vkCreateRenderPass(self.device, &pass, NULL, &self.pass), "vkCreateRenderPass");
	target.renderPass = self.pass;
	must(vkCreateFramebuffer(self.device, &target, NULL, &self.target), "vkCreateFramebuffer");
}

static void make_stage(VkPipelineShaderStageCreateInfo *made, VkShaderStageFlagBits stage,
		       const uint32_t *words, size_t size)
{
	const VkShaderModuleCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
		.codeSize = size,
		.pCode = words,
	};

	*made = (VkPipelineShaderStageCreateInfo){
		.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
		.stage = stage,
		.pName = "main",
	};
	must(vkCreateShaderModule(self.device, &info, NULL, &made->module), "vkCreateShaderModule");
}

static void make_layout(void)
{
	const VkPushConstantRange angle = { VK_SHADER_STAGE_VERTEX_BIT, 0, sizeof(float) };
	const VkPipelineLayoutCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
		.pushConstantRangeCount = 1,
		.pPushConstantRanges = &angle,
	};

	must(vkCreatePipelineLayout(self.device, &info, NULL, &self.layout),
	     "vkCreatePipelineLayout");
}

static void make_pipeline(void)
{
	VkPipelineShaderStageCreateInfo stages[2];
	const VkVertexInputBindingDescription binding = { 0, sizeof(corners[0]),
							  VK_VERTEX_INPUT_RATE_VERTEX };
	const VkVertexInputAttributeDescription attributes[] = {
		{ 0, 0, VK_FORMAT_R32G32_SFLOAT, 0 },
		{ 1, 0, VK_FORMAT_R32G32B32_SFLOAT, 2 * sizeof(float) },
	};
	const VkPipelineVertexInputStateCreateInfo input = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO,
		.vertexBindingDescriptionCount = 1,
		.pVertexBindingDescriptions = &binding,
		.vertexAttributeDescriptionCount = 2,
		.pVertexAttributeDescriptions = attributes,
	};
	const VkPipelineInputAssemblyStateCreateInfo assembly = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_INPUT_ASSEMBLY_STATE_CREATE_INFO,
		.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST,
	};
	const VkViewport viewport = { 0, 0, SIZE, SIZE, 0, 1 };
	const VkRect2D scissor = { { 0, 0 }, { SIZE, SIZE } };
	const VkPipelineViewportStateCreateInfo area = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_VIEWPORT_STATE_CREATE_INFO,
		.viewportCount = 1,
		.pViewports = &viewport,
		.scissorCount = 1,
		.pScissors = &scissor,
	};
	const VkPipelineRasterizationStateCreateInfo raster = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_CREATE_INFO,
		.lineWidth = 1,
	};
	const VkPipelineMultisampleStateCreateInfo samples = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_MULTISAMPLE_STATE_CREATE_INFO,
		.rasterizationSamples = VK_SAMPLE_COUNT_1_BIT,
	};
	const VkPipelineColorBlendAttachmentState all = { .colorWriteMask = 0xf };
	const VkPipelineColorBlendStateCreateInfo blend = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_COLOR_BLEND_STATE_CREATE_INFO,
		.attachmentCount = 1,
		.pAttachments = &all,
	};
	VkGraphicsPipelineCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO,
		.stageCount = 2,
		.pStages = stages,
		.pVertexInputState = &input,
		.pInputAssemblyState = &assembly,
		.pViewportState = &area,
		.pRasterizationState = &raster,
		.pMultisampleState = &samples,
		.pColorBlendState = &blend,
		.renderPass = self.pass,
	};

	make_stage(&stages[0], VK_SHADER_STAGE_VERTEX_BIT, scene_vert, sizeof(scene_vert));
	make_stage(&stages[1], VK_SHADER_STAGE_FRAGMENT_BIT, scene_frag, sizeof(scene_frag));
	make_layout();
	info.layout = self.layout;
	must(vkCreateGraphicsPipelines(self.device, NULL, 1, &info, NULL, &self.pipeline),
	     "vkCreateGraphicsPipelines");
}

static void make_commands(void)
{
	const VkCommandPoolCreateInfo pool_info = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
		.flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
		.queueFamilyIndex = self.family,
	};
	VkCommandBufferAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
		.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
		.commandBufferCount = 1,
	};
	const VkFenceCreateInfo fence = { .sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO };

	must(vkCreateCommandPool(self.device, &pool_info, NULL, &info.commandPool),
	     "vkCreateCommandPool");
	must(vkAllocateCommandBuffers(self.device, &info, &self.commands),
	     "vkAllocateCommandBuffers");
	must(vkCreateFence(self.device, &fence, NULL, &self.fence), "vkCreateFence");
}

static void begin(void)
{
	void *bytes;

	make_instance();
	find_device();
	make_device();
	self.vertices = make_buffer(sizeof(corners), VK_BUFFER_USAGE_VERTEX_BUFFER_BIT, &bytes);
	memcpy(bytes, corners, sizeof(corners));
	self.result = make_buffer(BYTES, VK_BUFFER_USAGE_TRANSFER_DST_BIT, &bytes);
	self.pixels = bytes;
	make_image();
	make_target();
	make_pipeline();
	make_commands();
}

/* ---- a frame ---- */

static void record_drawing(float angle)
{
	const VkClearValue background = { .color.float32 = { 0.1f, 0.2f, 0.3f, 1.0f } };
	const VkRenderPassBeginInfo pass = {
		.sType = VK_STRUCTURE_TYPE_RENDER_PASS_BEGIN_INFO,
		.renderPass = self.pass,
		.framebuffer = self.target,
		.renderArea = { { 0, 0 }, { SIZE, SIZE } },
		.clearValueCount = 1,
		.pClearValues = &background,
	};
	const VkDeviceSize offset = 0;

	vkCmdBeginRenderPass(self.commands, &pass, VK_SUBPASS_CONTENTS_INLINE);
	vkCmdBindPipeline(self.commands, VK_PIPELINE_BIND_POINT_GRAPHICS, self.pipeline);
	vkCmdBindVertexBuffers(self.commands, 0, 1, &self.vertices, &offset);
	vkCmdPushConstants(self.commands, self.layout, VK_SHADER_STAGE_VERTEX_BIT, 0, sizeof(angle),
			   &angle);
	vkCmdDraw(self.commands, 3, 1, 0, 0);
	vkCmdEndRenderPass(self.commands);
}

static void record(float angle)
{
	const VkCommandBufferBeginInfo info = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
		.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT,
	};
	const VkBufferImageCopy all = {
		.imageSubresource = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1 },
		.imageExtent = { SIZE, SIZE, 1 },
	};
	/* The CPU reads it after the fence. */
	const VkMemoryBarrier barrier = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
		.srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT,
		.dstAccessMask = VK_ACCESS_HOST_READ_BIT,
	};

	must(vkBeginCommandBuffer(self.commands, &info), "vkBeginCommandBuffer");
	record_drawing(angle);
	vkCmdCopyImageToBuffer(self.commands, self.image, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL,
			       self.result, 1, &all);
	vkCmdPipelineBarrier(self.commands, VK_PIPELINE_STAGE_TRANSFER_BIT,
			     VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &barrier, 0, NULL, 0, NULL);
	must(vkEndCommandBuffer(self.commands), "vkEndCommandBuffer");
}

static void draw(float angle)
{
	const VkSubmitInfo info = {
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.commandBufferCount = 1,
		.pCommandBuffers = &self.commands,
	};

	record(angle);
	must(vkQueueSubmit(self.queue, 1, &info, self.fence), "vkQueueSubmit");
	must(vkWaitForFences(self.device, 1, &self.fence, VK_TRUE, FRAME_NS), "vkWaitForFences");
	must(vkResetFences(self.device, 1, &self.fence), "vkResetFences");
}

/* ---- what it is asked for ---- */

static int scene(const char *path)
{
	FILE *file = fopen(path, "w");

	draw(0.3f);
	if (!file || fwrite(self.pixels, BYTES, 1, file) != 1 || fclose(file))
		die("%s cannot be written", path);
	return 0;
}

static int check(unsigned long frames)
{
	uint8_t *first = malloc(BYTES);

	if (!first)
		die("no memory");
	draw(0);
	memcpy(first, self.pixels, BYTES);
	for (unsigned long i = 1; i < frames; i++) {
		draw(0.1f * (float)i);
		if (memcmp(first, self.pixels, BYTES) == 0)
			die("frame %lu is the first one still", i);
	}
	draw(0);
	if (memcmp(first, self.pixels, BYTES) != 0)
		die("the last picture is not the first");
	printf("vulkan: %lu frames are right\n", frames);
	free(first);
	return 0;
}

static _Noreturn void loop(void)
{
	draw(0);
	puts("vulkan: draws");
	fflush(stdout);
	for (unsigned int i = 0;; i++)
		draw(0.01f * (float)(i % 1000));
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (argc == 3 && strcmp(what, "scene") == 0) {
		begin();
		return scene(argv[2]);
	}
	if (argc == 3 && strcmp(what, "check") == 0) {
		begin();
		return check(strtoul(argv[2], NULL, 10));
	}
	if (argc == 2 && strcmp(what, "loop") == 0) {
		begin();
		loop();
	}
	fputs("Usage: vulkan scene FILE | check FRAMES | loop\n", stderr);
	return 2;
}
